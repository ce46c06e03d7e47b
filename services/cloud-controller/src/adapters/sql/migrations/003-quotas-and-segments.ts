import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { resourceTable } from './resource-table.ts';

/** Quotas of spaces, and isolation segments: who may use them, and who does. */
export const quotasAndSegmentsMigration: Migration = {
  up: async (db) => {
    await resourceTable(db, 'space_quotas')
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('organization_guid', 'text', (column) => column.notNull().references('organizations.guid'))
      .addColumn('limits', 'text', (column) => column.notNull())
      .execute();
    await db.schema
      .createIndex('space_quotas_unique_name')
      .unique()
      .on('space_quotas')
      .expression(sql`organization_guid, lower(name)`)
      .execute();
    await resourceTable(db, 'isolation_segments')
      .addColumn('name', 'text', (column) => column.notNull())
      .execute();
    await db.schema
      .createIndex('isolation_segments_unique_name')
      .unique()
      .on('isolation_segments')
      .expression(sql`lower(name)`)
      .execute();
    await db.schema
      .createTable('isolation_segment_organizations')
      .addColumn('segment_guid', 'text', (column) => column.notNull().references('isolation_segments.guid'))
      .addColumn('organization_guid', 'text', (column) => column.notNull().references('organizations.guid'))
      .addPrimaryKeyConstraint('isolation_segment_organizations_key', ['segment_guid', 'organization_guid'])
      .execute();
    await db.schema.alterTable('spaces').addColumn('quota_guid', 'text').execute();
    await db.schema.alterTable('spaces').addColumn('isolation_segment_guid', 'text').execute();
    await db.schema.alterTable('organizations').addColumn('isolation_segment_guid', 'text').execute();
    await db.schema.createIndex('spaces_by_quota_guid').on('spaces').column('quota_guid').execute();
  },
};
