import type { Migration } from 'kysely/migration';

/** Who sees events of a space or of an organization finds either by an index. */
export const eventsOfOrganizationsMigration: Migration = {
  up: async (db) => {
    await db.schema
      .createIndex('audit_events_by_organization_guid_id')
      .on('audit_events')
      .columns(['organization_guid', 'id'])
      .execute();
  },
};
