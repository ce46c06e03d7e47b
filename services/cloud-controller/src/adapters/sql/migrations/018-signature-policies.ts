import type { Migration } from 'kysely/migration';

/** Which signatures images need, for each organization that has said so. */
export const signaturePoliciesMigration: Migration = {
  up: async (db) => {
    await db.schema
      .createTable('signature_policies')
      .addColumn('organization_guid', 'text', (column) => column.primaryKey().references('organizations.guid'))
      .addColumn('updated_at', 'text', (column) => column.notNull())
      .addColumn('enabled', 'integer', (column) => column.notNull())
      .addColumn('match_repository', 'integer', (column) => column.notNull())
      .addColumn('keys', 'text', (column) => column.notNull())
      .execute();
  },
};
