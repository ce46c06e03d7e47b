import type { Migration } from 'kysely/migration';
import { resourceTable } from './resource-table.ts';

/** What was used from when on. Events outlive what they tell of, hence no references. */
export const usageEventsMigration: Migration = {
  up: async (db) => {
    await resourceTable(db, 'app_usage_events')
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('previous_state', 'text', (column) => column.notNull())
      .addColumn('app_guid', 'text', (column) => column.notNull())
      .addColumn('app_name', 'text', (column) => column.notNull())
      .addColumn('process_guid', 'text')
      .addColumn('process_type', 'text')
      .addColumn('task_guid', 'text')
      .addColumn('task_name', 'text')
      .addColumn('space_guid', 'text', (column) => column.notNull())
      .addColumn('space_name', 'text', (column) => column.notNull())
      .addColumn('organization_guid', 'text', (column) => column.notNull())
      .addColumn('memory_mb', 'integer', (column) => column.notNull())
      .addColumn('previous_memory_mb', 'integer', (column) => column.notNull())
      .addColumn('instances', 'integer', (column) => column.notNull())
      .addColumn('previous_instances', 'integer', (column) => column.notNull())
      .execute();
    await resourceTable(db, 'service_usage_events')
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('service_instance_guid', 'text', (column) => column.notNull())
      .addColumn('service_instance_name', 'text', (column) => column.notNull())
      .addColumn('space_guid', 'text', (column) => column.notNull())
      .addColumn('space_name', 'text', (column) => column.notNull())
      .addColumn('organization_guid', 'text', (column) => column.notNull())
      .execute();
    for (const table of ['app_usage_events', 'service_usage_events']) {
      await db.schema.createIndex(`${table}_by_created_at`).on(table).column('created_at').execute();
    }
  },
};
