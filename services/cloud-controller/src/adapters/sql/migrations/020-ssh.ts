import type { Migration } from 'kysely/migration';

/** Whether there is a way by SSH into an app, and into those of a space: on, as by default on Cloud Foundry. */
export const sshMigration: Migration = {
  up: async (db) => {
    const on = { apps: 'ssh_enabled', spaces: 'ssh_allowed' } as const;
    for (const [table, column] of Object.entries(on)) {
      await db.schema
        .alterTable(table)
        .addColumn(column, 'integer', (definition) => definition.notNull().defaultTo(1))
        .execute();
    }
  },
};
