import type { Migration } from 'kysely/migration';
import { resourceTable } from './resource-table.ts';

/** Credentials for registries that are nobody's package's, but a space's or an organization's. */
export const registryCredentialsMigration: Migration = {
  up: async (db) => {
    await resourceTable(db, 'registry_credentials')
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('organization_guid', 'text', (column) => column.references('organizations.guid'))
      .addColumn('space_guid', 'text', (column) => column.references('spaces.guid'))
      .addColumn('registry', 'text', (column) => column.notNull())
      .addColumn('repository_prefix', 'text', (column) => column.notNull())
      .addColumn('username', 'text')
      .addColumn('password', 'text')
      .addColumn('cell_credentials', 'text')
      .addColumn('sealed_to', 'text')
      .addColumn('offered_username', 'text')
      .addColumn('offered_password', 'text')
      .addColumn('verification_state', 'text', (column) => column.notNull())
      .addColumn('verification_at', 'text')
      .addColumn('verification_code', 'text')
      .addColumn('verification_detail', 'text')
      .addColumn('check_guid', 'text', (column) => column.unique())
      .addColumn('check_deadline', 'text')
      .addColumn('check_job_guid', 'text')
      .addColumn('check_actor', 'text')
      .execute();
    // Nulls are never equal to each other, so each index is about the rows of its own kind of place.
    for (const place of ['organization_guid', 'space_guid']) {
      for (const [name, columns] of Object.entries({ scope: ['registry', 'repository_prefix'], name: ['name'] })) {
        await db.schema
          .createIndex(`registry_credentials_by_${place}_${name}`)
          .unique()
          .on('registry_credentials')
          .columns([place, ...columns])
          .execute();
      }
    }
  },
};
