import type { Migration } from 'kysely/migration';

/** Variables that every app gets, when it runs or while it is staged. */
export const environmentGroupsMigration: Migration = {
  up: async (db) => {
    await db.schema
      .createTable('environment_variable_groups')
      .addColumn('name', 'text', (column) => column.primaryKey())
      .addColumn('variables', 'text', (column) => column.notNull())
      .addColumn('updated_at', 'text', (column) => column.notNull())
      .execute();
  },
};
