import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { resourceTable } from './resource-table.ts';

/** Rolling and canary deployments. */
export const deploymentsMigration: Migration = {
  up: async (db) => {
    await resourceTable(db, 'deployments')
      .addColumn('app_guid', 'text', (column) => column.notNull().references('apps.guid'))
      .addColumn('strategy', 'text', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('status_value', 'text', (column) => column.notNull())
      .addColumn('status_reason', 'text', (column) => column.notNull())
      .addColumn('status_changed_at', 'text', (column) => column.notNull())
      .addColumn('last_healthy_at', 'text', (column) => column.notNull())
      .addColumn('max_in_flight', 'integer', (column) => column.notNull())
      .addColumn('canary_weights', 'text', (column) => column.notNull())
      .addColumn('canary_step', 'integer', (column) => column.notNull())
      .addColumn('target_instances', 'integer', (column) => column.notNull())
      .addColumn('scale_options', 'text', (column) => column.notNull())
      .addColumn('droplet_guid', 'text', (column) => column.notNull())
      .addColumn('previous_droplet_guid', 'text')
      .addColumn('process_guid', 'text', (column) => column.notNull())
      .addColumn('kept_process_guid', 'text')
      .execute();
    await db.schema.createIndex('deployments_by_app_guid').on('deployments').column('app_guid').execute();
    // A new deployment supersedes the one before.
    await sql`create unique index deployments_one_active on deployments (app_guid) where status_value = 'ACTIVE'`.execute(
      db,
    );
  },
};
