import type { Migration } from 'kysely/migration';
import { resourceTable } from './resource-table.ts';

/** What apps ran, to go back to. */
export const revisionsMigration: Migration = {
  up: async (db) => {
    await resourceTable(db, 'revisions')
      .addColumn('app_guid', 'text', (column) => column.notNull().references('apps.guid'))
      .addColumn('version', 'integer', (column) => column.notNull())
      .addColumn('droplet_guid', 'text', (column) => column.notNull())
      .addColumn('environment_variables', 'text', (column) => column.notNull())
      .addColumn('commands', 'text', (column) => column.notNull())
      .addColumn('description', 'text', (column) => column.notNull())
      .execute();
    await db.schema
      .createIndex('revisions_by_app_guid_version')
      .unique()
      .on('revisions')
      .columns(['app_guid', 'version'])
      .execute();
    await db.schema
      .alterTable('apps')
      .addColumn('revisions_enabled', 'integer', (column) => column.notNull().defaultTo(1))
      .execute();
    await db.schema.alterTable('processes').addColumn('revision_guid', 'text').execute();
    await db.schema.alterTable('deployments').addColumn('revision_guid', 'text').execute();
  },
};
