import type { Migration } from 'kysely/migration';
import { resourceTable } from './resource-table.ts';

/** Users that Cloud Controller was told of: names and passwords are uaa's. */
export const usersMigration: Migration = {
  up: async (db) => {
    await resourceTable(db, 'users').execute();
  },
};
