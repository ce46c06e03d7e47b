import type { Migration } from 'kysely/migration';
import { resourceTable } from './resource-table.ts';

/** Who changed what. Events outlive what they tell of, hence no references. */
export const auditEventsMigration: Migration = {
  up: async (db) => {
    await resourceTable(db, 'audit_events')
      .addColumn('type', 'text', (column) => column.notNull())
      .addColumn('actor_guid', 'text', (column) => column.notNull())
      .addColumn('actor_type', 'text', (column) => column.notNull())
      .addColumn('actor_name', 'text', (column) => column.notNull())
      .addColumn('target_guid', 'text', (column) => column.notNull())
      .addColumn('target_type', 'text', (column) => column.notNull())
      .addColumn('target_name', 'text', (column) => column.notNull())
      .addColumn('space_guid', 'text')
      .addColumn('organization_guid', 'text')
      .addColumn('data', 'text', (column) => column.notNull())
      .execute();
    for (const column of ['target_guid', 'space_guid', 'created_at']) {
      await db.schema.createIndex(`audit_events_by_${column}`).on('audit_events').column(column).execute();
    }
  },
};
