import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Tables of labels' owners, as they are named there. */
const owners: Readonly<Record<string, string>> = {
  organization: 'organizations',
  space: 'spaces',
  user: 'users',
  isolation_segment: 'isolation_segments',
  domain: 'domains',
  app: 'apps',
  process: 'processes',
  package: 'packages',
  build: 'builds',
  droplet: 'droplets',
  deployment: 'deployments',
  revision: 'revisions',
  task: 'tasks',
  service_instance: 'service_instances',
  service_binding: 'service_bindings',
  route: 'routes',
};

/** Those that a platform has many of. */
const long = ['apps', 'processes', 'packages', 'builds', 'droplets', 'routes', 'service_instances', 'audit_events'];

/** Pages of long lists come from indexes that hold all that finding their ids takes. */
export const longListsMigration: Migration = {
  up: async (db) => {
    await db.schema.alterTable('metadata_entries').addColumn('resource_id', 'bigint').execute();
    for (const [owner, table] of Object.entries(owners)) {
      await sql`update metadata_entries set resource_id = (
        select id from ${sql.table(table)} t where t.guid = metadata_entries.resource_guid
      ) where resource_type = ${owner}`.execute(db);
    }
    await index(db, 'metadata_entries', ['resource_type', 'kind', 'key', 'value', 'resource_id']);
    await db.schema.dropIndex('metadata_entries_by_resource_type_kind_key_value').execute();
    for (const table of long) {
      await index(db, table, ['created_at', 'id']);
      await index(db, table, ['updated_at', 'id']);
    }
    await db.schema.dropIndex('audit_events_by_created_at').execute();
    await index(db, 'apps', ['name', 'id']);
    await index(db, 'apps', ['space_guid', 'id']);
    // In the order of their making, without reading the rows, which are wide.
    await index(db, 'apps', ['id', 'space_guid', 'created_at', 'updated_at']);
    await index(db, 'processes', ['id', 'app_guid']);
    await index(db, 'audit_events', ['id', 'space_guid']);
    await index(db, 'audit_events', ['space_guid', 'id']);
    await db.schema.dropIndex('audit_events_by_space_guid').execute();
    await db.schema.createIndex('apps_by_lower_name').on('apps').expression(sql`lower(name)`).execute();
  },
};

async function index(db: Kysely<unknown>, table: string, columns: readonly string[]): Promise<void> {
  await db.schema
    .createIndex(`${table}_by_${columns.join('_')}`)
    .on(table)
    .columns([...columns])
    .execute();
}
