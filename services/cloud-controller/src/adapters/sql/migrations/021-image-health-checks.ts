import type { Migration } from 'kysely/migration';

/** Whether the HEALTHCHECK of an app's image counts: off, as on Cloud Foundry. */
export const imageHealthChecksMigration: Migration = {
  up: async (db) => {
    await db.schema
      .alterTable('apps')
      .addColumn('image_health_check_enabled', 'integer', (column) => column.notNull().defaultTo(0))
      .execute();
  },
};
