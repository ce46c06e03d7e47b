import { Kysely } from 'kysely';
import { createPostgresDialect } from './postgres-dialect.ts';
import { createSqliteDialect } from './sqlite-dialect.ts';

/**
 * Opens a database by its URL: `file:/path/to.db` (SQLite; made when missing, readable by its owner only) or
 * `postgres://user:password@host/name`. Close it with `destroy()`.
 *
 * The same statements run on both when booleans are `integer` 0/1, times and JSON are `text`, and keys that count up
 * come from `serialPrimaryKey`. On SQLite there is one connection: inside `transaction().execute(trx => …)` use `trx`
 * alone, for a query on the outer handle waits for the transaction to end.
 *
 * @throws Error when the URL is of another kind, or SQLite cannot open the file.
 */
export function openDatabase<DB>(url: string): Kysely<DB> {
  if (/^postgres(ql)?:\/\//.test(url)) return new Kysely<DB>({ dialect: createPostgresDialect(url) });
  const path = /^file:(?:\/\/)?(.+)$/.exec(url)?.[1];
  // The URL may hold a password: it is not repeated.
  if (path === undefined) throw new Error('a database URL must start with "file:" or "postgres://"');
  return new Kysely<DB>({ dialect: createSqliteDialect(path) });
}
