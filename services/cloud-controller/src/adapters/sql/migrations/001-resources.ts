import { serialPrimaryKey } from '@slipway/database';
import { type CreateTableBuilder, type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

type Columns<T extends string> = CreateTableBuilder<T, string>;

/** Tables of the first release. Deleting is done row by row in actions, hence no cascades. */
export const resourcesMigration: Migration = {
  up: async (db) => {
    await createTenancy(db);
    await createApps(db);
    await createImages(db);
    await createRoutes(db);
    await createPlatform(db);
  },
};

/** A table with what every resource has. */
function resource<T extends string>(db: Kysely<unknown>, name: T): Columns<T> {
  return (serialPrimaryKey(db, db.schema.createTable(name)) as Columns<T>)
    .addColumn('guid', 'text', (column) => column.notNull().unique())
    .addColumn('created_at', 'text', (column) => column.notNull())
    .addColumn('updated_at', 'text', (column) => column.notNull());
}

async function index(db: Kysely<unknown>, table: string, columns: readonly string[], unique = false): Promise<void> {
  const builder = db.schema
    .createIndex(`${table}_by_${columns.join('_')}`)
    .on(table)
    .columns([...columns]);
  await (unique ? builder.unique() : builder).execute();
}

/** Names are unique whatever their case, as on Cloud Foundry. */
async function uniqueName(db: Kysely<unknown>, table: string, owner?: string): Promise<void> {
  const expression = owner === undefined ? sql`lower(name)` : sql`${sql.ref(owner)}, lower(name)`;
  await db.schema.createIndex(`${table}_unique_name`).unique().on(table).expression(expression).execute();
}

async function createTenancy(db: Kysely<unknown>): Promise<void> {
  await resource(db, 'organization_quotas')
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('limits', 'text', (column) => column.notNull())
    .execute();
  await uniqueName(db, 'organization_quotas');
  await resource(db, 'organizations')
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('suspended', 'integer', (column) => column.notNull())
    .addColumn('quota_guid', 'text', (column) => column.notNull().references('organization_quotas.guid'))
    .execute();
  await uniqueName(db, 'organizations');
  await resource(db, 'spaces')
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('organization_guid', 'text', (column) => column.notNull().references('organizations.guid'))
    .execute();
  await uniqueName(db, 'spaces', 'organization_guid');
  await resource(db, 'roles')
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('user_guid', 'text', (column) => column.notNull())
    .addColumn('organization_guid', 'text', (column) => column.references('organizations.guid'))
    .addColumn('space_guid', 'text', (column) => column.references('spaces.guid'))
    .execute();
  await db.schema
    .createIndex('roles_unique')
    .unique()
    .on('roles')
    .expression(sql`user_guid, type, coalesce(organization_guid, ''), coalesce(space_guid, '')`)
    .execute();
  await index(db, 'roles', ['organization_guid']);
  await index(db, 'roles', ['space_guid']);
  await resource(db, 'domains')
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('internal', 'integer', (column) => column.notNull())
    .addColumn('organization_guid', 'text', (column) => column.references('organizations.guid'))
    .execute();
  await uniqueName(db, 'domains');
}

async function createApps(db: Kysely<unknown>): Promise<void> {
  await resource(db, 'apps')
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('space_guid', 'text', (column) => column.notNull().references('spaces.guid'))
    .addColumn('desired_state', 'text', (column) => column.notNull())
    .addColumn('lifecycle_type', 'text', (column) => column.notNull())
    .addColumn('environment_variables', 'text', (column) => column.notNull())
    .addColumn('droplet_guid', 'text')
    .execute();
  await uniqueName(db, 'apps', 'space_guid');
  await resource(db, 'processes')
    .addColumn('app_guid', 'text', (column) => column.notNull().references('apps.guid'))
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('command', 'text')
    .addColumn('instances', 'integer', (column) => column.notNull())
    .addColumn('memory_mb', 'integer', (column) => column.notNull())
    .addColumn('disk_mb', 'integer', (column) => column.notNull())
    .addColumn('log_rate_bytes_per_second', 'bigint', (column) => column.notNull())
    .addColumn('health_check_type', 'text', (column) => column.notNull())
    .addColumn('health_check_endpoint', 'text')
    .addColumn('health_check_timeout', 'integer')
    .addColumn('health_check_invocation_timeout', 'integer')
    .addColumn('health_check_interval', 'integer')
    .addColumn('readiness_type', 'text', (column) => column.notNull())
    .addColumn('readiness_endpoint', 'text')
    .addColumn('readiness_invocation_timeout', 'integer')
    .addColumn('readiness_interval', 'integer')
    .addColumn('version', 'text', (column) => column.notNull())
    .execute();
  await index(db, 'processes', ['app_guid', 'type']);
  await db.schema
    .createTable('run_infos')
    .addColumn('process_guid', 'text', (column) => column.primaryKey().references('processes.guid'))
    .addColumn('version', 'text', (column) => column.notNull())
    .addColumn('run_info', 'text', (column) => column.notNull())
    .addColumn('droplet_guid', 'text', (column) => column.notNull())
    .addColumn('sealed_to', 'text', (column) => column.notNull())
    .execute();
  await (serialPrimaryKey(db, db.schema.createTable('retired_instances')) as Columns<'retired_instances'>)
    .addColumn('process_guid', 'text', (column) => column.notNull().references('processes.guid'))
    .addColumn('instance_guid', 'text', (column) => column.notNull().unique())
    .addColumn('created_at', 'text', (column) => column.notNull())
    .execute();
  await index(db, 'retired_instances', ['process_guid']);
}

async function createImages(db: Kysely<unknown>): Promise<void> {
  await resource(db, 'packages')
    .addColumn('app_guid', 'text', (column) => column.notNull().references('apps.guid'))
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('image', 'text', (column) => column.notNull())
    .addColumn('username', 'text')
    .addColumn('password', 'text')
    .execute();
  await index(db, 'packages', ['app_guid']);
  await resource(db, 'builds')
    .addColumn('app_guid', 'text', (column) => column.notNull().references('apps.guid'))
    .addColumn('package_guid', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('error_id', 'text')
    .addColumn('error_description', 'text')
    .addColumn('droplet_guid', 'text')
    .addColumn('staging_memory_mb', 'integer', (column) => column.notNull())
    .addColumn('staging_disk_mb', 'integer', (column) => column.notNull())
    .addColumn('staging_log_rate_bytes_per_second', 'bigint', (column) => column.notNull())
    .addColumn('deadline', 'text', (column) => column.notNull())
    .addColumn('created_by_guid', 'text', (column) => column.notNull())
    .addColumn('created_by_name', 'text')
    .addColumn('created_by_email', 'text')
    .execute();
  await index(db, 'builds', ['app_guid']);
  await index(db, 'builds', ['package_guid']);
  // One build of an app at a time, whoever asks (StagingInProgress).
  await sql`create unique index builds_one_staging on builds (app_guid) where state = 'STAGING'`.execute(db);
  await resource(db, 'droplets')
    .addColumn('app_guid', 'text', (column) => column.notNull().references('apps.guid'))
    .addColumn('package_guid', 'text')
    .addColumn('build_guid', 'text', (column) => column.unique())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('image', 'text', (column) => column.notNull())
    .addColumn('execution', 'text', (column) => column.notNull())
    .addColumn('username', 'text')
    .addColumn('password', 'text')
    .execute();
  await index(db, 'droplets', ['app_guid']);
  await index(db, 'droplets', ['package_guid']);
}

async function createRoutes(db: Kysely<unknown>): Promise<void> {
  await resource(db, 'routes')
    .addColumn('host', 'text', (column) => column.notNull())
    .addColumn('path', 'text', (column) => column.notNull())
    .addColumn('space_guid', 'text', (column) => column.notNull().references('spaces.guid'))
    .addColumn('domain_guid', 'text', (column) => column.notNull().references('domains.guid'))
    .execute();
  await index(db, 'routes', ['domain_guid', 'host', 'path'], true);
  await index(db, 'routes', ['space_guid']);
  await resource(db, 'route_destinations')
    .addColumn('route_guid', 'text', (column) => column.notNull().references('routes.guid'))
    .addColumn('app_guid', 'text', (column) => column.notNull().references('apps.guid'))
    .addColumn('process_type', 'text', (column) => column.notNull())
    .addColumn('port', 'integer')
    .addColumn('protocol', 'text', (column) => column.notNull())
    .execute();
  await db.schema
    .createIndex('route_destinations_unique')
    .unique()
    .on('route_destinations')
    .expression(sql`route_guid, app_guid, process_type, coalesce(port, 0)`)
    .execute();
  await index(db, 'route_destinations', ['app_guid', 'process_type']);
}

async function createPlatform(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('feature_flags')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('enabled', 'integer', (column) => column.notNull())
    .addColumn('custom_error_message', 'text')
    .addColumn('updated_at', 'text', (column) => column.notNull())
    .execute();
  await resource(db, 'jobs')
    .addColumn('operation', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('errors', 'text', (column) => column.notNull())
    .addColumn('warnings', 'text', (column) => column.notNull())
    .execute();
  await (serialPrimaryKey(db, db.schema.createTable('metadata_entries')) as Columns<'metadata_entries'>)
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('resource_type', 'text', (column) => column.notNull())
    .addColumn('resource_guid', 'text', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('value', 'text', (column) => column.notNull())
    .execute();
  await index(db, 'metadata_entries', ['resource_guid', 'kind', 'key'], true);
  await index(db, 'metadata_entries', ['resource_type', 'kind', 'key', 'value']);
  await (serialPrimaryKey(db, db.schema.createTable('outbox')) as Columns<'outbox'>)
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('created_at', 'text', (column) => column.notNull())
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('not_before', 'text', (column) => column.notNull())
    .addColumn('last_error', 'text')
    .execute();
}
