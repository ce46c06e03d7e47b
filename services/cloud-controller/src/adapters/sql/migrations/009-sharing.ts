import type { Migration } from 'kysely/migration';

/** Private domains that other organizations may use, and routes that may lead to apps of other spaces. */
export const sharingMigration: Migration = {
  up: async (db) => {
    await db.schema
      .createTable('domain_organizations')
      .addColumn('domain_guid', 'text', (column) => column.notNull().references('domains.guid'))
      .addColumn('organization_guid', 'text', (column) => column.notNull().references('organizations.guid'))
      .addPrimaryKeyConstraint('domain_organizations_unique', ['domain_guid', 'organization_guid'])
      .execute();
    await db.schema
      .createTable('route_spaces')
      .addColumn('route_guid', 'text', (column) => column.notNull().references('routes.guid'))
      .addColumn('space_guid', 'text', (column) => column.notNull().references('spaces.guid'))
      .addPrimaryKeyConstraint('route_spaces_unique', ['route_guid', 'space_guid'])
      .execute();
    await db.schema
      .createIndex('domain_organizations_by_organization_guid')
      .on('domain_organizations')
      .column('organization_guid')
      .execute();
    await db.schema.createIndex('route_spaces_by_space_guid').on('route_spaces').column('space_guid').execute();
  },
};
