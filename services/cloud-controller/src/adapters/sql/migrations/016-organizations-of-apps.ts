import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * Apps know their organization, as they know their space: neither ever changes. Those of one organization are then found
 * by an index, however many spaces and apps there are.
 */
export const organizationsOfAppsMigration: Migration = {
  up: async (db) => {
    await db.schema
      .alterTable('apps')
      .addColumn('organization_guid', 'text', (column) => column.notNull().defaultTo(''))
      .execute();
    await sql`update apps set organization_guid = (
      select organization_guid from spaces where spaces.guid = apps.space_guid
    )`.execute(db);
    await db.schema
      .createIndex('apps_by_organization_guid_id')
      .on('apps')
      .columns(['organization_guid', 'id'])
      .execute();
  },
};
