import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { resourceTable } from './resource-table.ts';

/** Services that run elsewhere, and which apps get their credentials. */
export const userProvidedServicesMigration: Migration = {
  up: async (db) => {
    await resourceTable(db, 'service_instances')
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('space_guid', 'text', (column) => column.notNull().references('spaces.guid'))
      .addColumn('credentials', 'text', (column) => column.notNull())
      .addColumn('tags', 'text', (column) => column.notNull())
      .execute();
    await db.schema
      .createIndex('service_instances_unique_name')
      .unique()
      .on('service_instances')
      .expression(sql`space_guid, lower(name)`)
      .execute();
    await resourceTable(db, 'service_bindings')
      .addColumn('name', 'text')
      .addColumn('app_guid', 'text', (column) => column.notNull().references('apps.guid'))
      .addColumn('service_instance_guid', 'text', (column) => column.notNull().references('service_instances.guid'))
      .execute();
    await db.schema
      .createIndex('service_bindings_by_app_and_instance')
      .unique()
      .on('service_bindings')
      .columns(['app_guid', 'service_instance_guid'])
      .execute();
    await db.schema
      .createIndex('service_bindings_unique_name')
      .unique()
      .on('service_bindings')
      .expression(sql`app_guid, name`)
      .execute();
    await db.schema
      .createIndex('service_bindings_by_service_instance_guid')
      .on('service_bindings')
      .column('service_instance_guid')
      .execute();
  },
};
