import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { DEFAULT_GROUPS, PRIVATE_NETWORKS } from '../../../domain/security-groups/default-groups.ts';
import { resourceTable } from './resource-table.ts';

/**
 * Application security groups, and the spaces that they are bound to. Those that a platform begins with are made here, so
 * that an operator who deletes one meant it.
 */
export const securityGroupsMigration: Migration = {
  up: async (db) => {
    await resourceTable(db, 'security_groups')
      .addColumn('name', 'text', (column) => column.notNull().unique())
      .addColumn('rules', 'text', (column) => column.notNull())
      .addColumn('globally_running', 'integer', (column) => column.notNull())
      .addColumn('globally_staging', 'integer', (column) => column.notNull())
      .execute();
    await db.schema
      .createTable('security_group_spaces')
      .addColumn('lifecycle', 'text', (column) => column.notNull())
      .addColumn('security_group_guid', 'text', (column) => column.notNull().references('security_groups.guid'))
      .addColumn('space_guid', 'text', (column) => column.notNull().references('spaces.guid'))
      .addPrimaryKeyConstraint('security_group_spaces_key', ['lifecycle', 'security_group_guid', 'space_guid'])
      .execute();
    await db.schema
      .createIndex('security_group_spaces_by_space')
      .on('security_group_spaces')
      .columns(['space_guid', 'lifecycle'])
      .execute();
    const { rows } = await sql`select guid from spaces limit 1`.execute(db);
    const now = new Date().toISOString();
    for (const { name, rules } of rows.length === 0 ? DEFAULT_GROUPS : [...DEFAULT_GROUPS, PRIVATE_NETWORKS]) {
      const values = sql.join([randomUUID(), now, now, name, JSON.stringify(rules), 1, 1]);
      await sql`insert into security_groups
        (guid, created_at, updated_at, name, rules, globally_running, globally_staging) values (${values})`.execute(db);
    }
  },
};
