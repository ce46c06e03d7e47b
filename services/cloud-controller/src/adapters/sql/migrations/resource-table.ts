import { serialPrimaryKey } from '@slipway/database';
import type { CreateTableBuilder, Kysely } from 'kysely';

/** A table with what every resource has. */
export function resourceTable<T extends string>(db: Kysely<unknown>, name: T): CreateTableBuilder<T, string> {
  return (serialPrimaryKey(db, db.schema.createTable(name)) as CreateTableBuilder<T, string>)
    .addColumn('guid', 'text', (column) => column.notNull().unique())
    .addColumn('created_at', 'text', (column) => column.notNull())
    .addColumn('updated_at', 'text', (column) => column.notNull());
}
