import type { CreateTableBuilder, Kysely } from 'kysely';
import { databaseEngine } from './engine.ts';

/**
 * Adds the primary key `id`, which counts up and is never used twice.
 *
 * @example
 * await serialPrimaryKey(db, db.schema.createTable('apps')).addColumn('guid', 'text').execute()
 */
export function serialPrimaryKey<DB, T extends string>(
  db: Kysely<DB>,
  table: CreateTableBuilder<T, never>,
): CreateTableBuilder<T, 'id'> {
  return databaseEngine(db) === 'postgres'
    ? table.addColumn('id', 'bigint', (column) => column.primaryKey().generatedByDefaultAsIdentity())
    : table.addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement());
}
