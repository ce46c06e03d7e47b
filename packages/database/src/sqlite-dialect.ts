import { type Dialect, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import { SqliteDriver } from './sqlite-driver.ts';

/** What Kysely's own adapter says otherwise. */
class NodeSqliteAdapter extends SqliteAdapter {
  /** The driver hands out its one connection itself: Kysely's lock would let a forgotten transaction block for ever. */
  override get supportsMultipleConnections(): boolean {
    return true;
  }

  /** SQLite has it, and it makes a migration all or nothing. */
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/** Kysely on `node:sqlite`. Opens the file at once, so that a bad path fails at start. */
export function createSqliteDialect(path: string): Dialect {
  const driver = new SqliteDriver(path);
  return {
    createAdapter: () => new NodeSqliteAdapter(),
    createDriver: () => driver,
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}
