import { randomUUID } from 'node:crypto';
import { serialPrimaryKey } from '@slipway/database';
import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * What apps may reach of one another, and the domain by whose names they do: `apps.internal`, which Cloud Foundry has
 * from the start. An operator who deletes it later meant it.
 */
export const networkPoliciesMigration: Migration = {
  up: async (db) => {
    await serialPrimaryKey(db, db.schema.createTable('network_policies'))
      .addColumn('source_guid', 'text', (column) => column.notNull().references('apps.guid'))
      .addColumn('destination_guid', 'text', (column) => column.notNull().references('apps.guid'))
      .addColumn('protocol', 'text', (column) => column.notNull())
      .addColumn('start_port', 'integer', (column) => column.notNull())
      .addColumn('end_port', 'integer', (column) => column.notNull())
      .addColumn('created_at', 'text', (column) => column.notNull())
      .execute();
    await db.schema
      .createIndex('network_policies_unique')
      .unique()
      .on('network_policies')
      .columns(['source_guid', 'destination_guid', 'protocol', 'start_port', 'end_port'])
      .execute();
    await db.schema
      .createIndex('network_policies_by_destination')
      .on('network_policies')
      .column('destination_guid')
      .execute();
    const now = new Date().toISOString();
    // A new platform gets it after its own domain. Whoever has a domain of this name, or above or below it, keeps it.
    await sql`insert into domains (guid, created_at, updated_at, name, internal, organization_guid)
      select ${randomUUID()}, ${now}, ${now}, 'apps.internal', 1, null
      where exists (select 1 from domains) and not exists (
        select 1 from domains where name in ('internal', 'apps.internal') or name like '%.apps.internal'
      )`.execute(db);
  },
};
