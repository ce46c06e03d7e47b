import type { Migration } from 'kysely/migration';
import { resourceTable } from './resource-table.ts';

/** Commands that run once. */
export const tasksMigration: Migration = {
  up: async (db) => {
    await resourceTable(db, 'tasks')
      .addColumn('app_guid', 'text', (column) => column.notNull().references('apps.guid'))
      .addColumn('sequence_id', 'integer', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('command', 'text', (column) => column.notNull())
      .addColumn('run_as', 'text', (column) => column.notNull())
      .addColumn('memory_mb', 'integer', (column) => column.notNull())
      .addColumn('disk_mb', 'integer', (column) => column.notNull())
      .addColumn('log_rate_bytes_per_second', 'bigint', (column) => column.notNull())
      .addColumn('droplet_guid', 'text', (column) => column.notNull())
      .addColumn('failure_reason', 'text')
      .addColumn('cell_id', 'text')
      .addColumn('spec', 'text')
      .addColumn('sealed_to', 'text', (column) => column.notNull())
      .execute();
    await db.schema
      .createIndex('tasks_by_app_guid_sequence_id')
      .unique()
      .on('tasks')
      .columns(['app_guid', 'sequence_id'])
      .execute();
    await db.schema.createIndex('tasks_by_state').on('tasks').columns(['state', 'updated_at']).execute();
    await db.schema
      .alterTable('apps')
      .addColumn('last_task_sequence_id', 'integer', (column) => column.notNull().defaultTo(0))
      .execute();
  },
};
