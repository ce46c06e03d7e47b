import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** In order of their names. One that was released is never changed: a new one follows it. */
export const migrations: Readonly<Record<string, Migration>> = {
  '001_identities': {
    up: async (db: Kysely<unknown>) => {
      await db.schema
        .createTable('users')
        .addColumn('guid', 'text', (column) => column.primaryKey())
        .addColumn('user_name', 'text', (column) => column.notNull())
        .addColumn('user_name_key', 'text', (column) => column.notNull())
        .addColumn('origin', 'text', (column) => column.notNull())
        .addColumn('email', 'text', (column) => column.notNull())
        .addColumn('given_name', 'text')
        .addColumn('family_name', 'text')
        .addColumn('password_hash', 'text', (column) => column.notNull())
        .addColumn('password_changed_at', 'text', (column) => column.notNull())
        .addColumn('active', 'integer', (column) => column.notNull())
        .addColumn('verified', 'integer', (column) => column.notNull())
        .addColumn('version', 'integer', (column) => column.notNull())
        .addColumn('created_at', 'text', (column) => column.notNull())
        .addColumn('updated_at', 'text', (column) => column.notNull())
        .addUniqueConstraint('users_name_unique', ['user_name_key', 'origin'])
        .execute();
      await db.schema
        .createTable('user_groups')
        .addColumn('user_guid', 'text', (column) => column.notNull().references('users.guid').onDelete('cascade'))
        .addColumn('group_name', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('user_groups_key', ['user_guid', 'group_name'])
        .execute();
      await db.schema
        .createTable('clients')
        .addColumn('client_id', 'text', (column) => column.primaryKey())
        .addColumn('secret_hash', 'text')
        .addColumn('grant_types', 'text', (column) => column.notNull())
        .addColumn('scopes', 'text', (column) => column.notNull())
        .addColumn('authorities', 'text', (column) => column.notNull())
        .addColumn('created_at', 'text', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('signing_keys')
        .addColumn('kid', 'text', (column) => column.primaryKey())
        .addColumn('public_key', 'text', (column) => column.notNull())
        .addColumn('private_key', 'text', (column) => column.notNull())
        .addColumn('activates_at', 'text', (column) => column.notNull())
        .addColumn('expires_at', 'text')
        .execute();
      await db.schema
        .createTable('refresh_tokens')
        .addColumn('token_hash', 'text', (column) => column.primaryKey())
        .addColumn('session_id', 'text', (column) => column.notNull())
        .addColumn('user_guid', 'text', (column) => column.notNull().references('users.guid').onDelete('cascade'))
        .addColumn('client_id', 'text', (column) =>
          column.notNull().references('clients.client_id').onDelete('cascade'),
        )
        .addColumn('scopes', 'text', (column) => column.notNull())
        .addColumn('authenticated_at', 'text', (column) => column.notNull())
        .addColumn('created_at', 'text', (column) => column.notNull())
        .addColumn('expires_at', 'text', (column) => column.notNull())
        .execute();
      for (const column of ['session_id', 'user_guid', 'client_id', 'expires_at'] as const) {
        const index = db.schema.createIndex(`refresh_tokens_${column}`).on('refresh_tokens').column(column);
        await index.execute();
      }
      await db.schema
        .createTable('login_failures')
        .addColumn('subject', 'text', (column) => column.primaryKey())
        .addColumn('failures', 'integer', (column) => column.notNull())
        .addColumn('window_started_at', 'text', (column) => column.notNull())
        .addColumn('last_failure_at', 'text', (column) => column.notNull())
        .execute();
      const index = db.schema.createIndex('login_failures_last').on('login_failures').column('last_failure_at');
      await index.execute();
    },
  },
  '002_groups_and_codes': {
    up: async (db: Kysely<unknown>) => {
      await db.schema
        .createTable('groups')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('description', 'text')
        .addColumn('created_at', 'text', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('authorization_codes')
        .addColumn('code_hash', 'text', (column) => column.primaryKey())
        .addColumn('user_guid', 'text', (column) => column.notNull().references('users.guid').onDelete('cascade'))
        .addColumn('client_id', 'text', (column) =>
          column.notNull().references('clients.client_id').onDelete('cascade'),
        )
        .addColumn('scopes', 'text', (column) => column.notNull())
        .addColumn('authenticated_at', 'text', (column) => column.notNull())
        .addColumn('expires_at', 'text', (column) => column.notNull())
        .execute();
      for (const column of ['user_guid', 'client_id', 'expires_at'] as const) {
        const index = db.schema.createIndex(`authorization_codes_${column}`).on('authorization_codes').column(column);
        await index.execute();
      }
      await db.schema.createIndex('user_groups_name').on('user_groups').column('group_name').execute();
    },
  },
};
