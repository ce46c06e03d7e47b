import type { Migration } from 'kysely/migration';
import { resourceTable } from './resource-table.ts';

/** Sidecars, the user of a process, services as files, options of routes. */
export const sidecarsMigration: Migration = {
  up: async (db) => {
    await resourceTable(db, 'sidecars')
      .addColumn('app_guid', 'text', (column) => column.notNull().references('apps.guid'))
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('command', 'text', (column) => column.notNull())
      .addColumn('memory_mb', 'integer')
      .execute();
    await db.schema.createIndex('sidecars_unique_name').unique().on('sidecars').columns(['app_guid', 'name']).execute();
    await db.schema
      .createTable('sidecar_process_types')
      .addColumn('sidecar_guid', 'text', (column) => column.notNull().references('sidecars.guid'))
      .addColumn('type', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('sidecar_process_types_unique', ['sidecar_guid', 'type'])
      .execute();
    await db.schema
      .alterTable('revisions')
      .addColumn('sidecars', 'text', (column) => column.notNull().defaultTo('[]'))
      .execute();
    for (const feature of ['service_binding_k8s_enabled', 'file_based_vcap_services_enabled']) {
      await db.schema
        .alterTable('apps')
        .addColumn(feature, 'integer', (column) => column.notNull().defaultTo(0))
        .execute();
    }
    await db.schema.alterTable('processes').addColumn('run_as', 'text').execute();
    await db.schema
      .alterTable('routes')
      .addColumn('options', 'text', (column) => column.notNull().defaultTo('{}'))
      .execute();
  },
};
