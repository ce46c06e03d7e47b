import { type Dialect, PostgresDialect } from 'kysely';

const MAX_CONNECTIONS = 10;
const CONNECT_TIMEOUT_MS = 10_000;
/** A statement that takes longer than this helps no caller: every request has been given up by then. */
const STATEMENT_TIMEOUT_MS = 60_000;
/** PostgreSQL's type number of `int8`, which counts and serial keys are. */
const INT8_OID = 20;

/** Kysely on a `pg` pool. `pg` is loaded when the first query needs it: with SQLite it never is. */
export function createPostgresDialect(url: string): Dialect {
  return new PostgresDialect({
    pool: async () => {
      const { default: pg } = await import('pg');
      const types = new pg.TypeOverrides();
      types.setTypeParser(INT8_OID, parseInt8);
      const pool = new pg.Pool({
        connectionString: url,
        max: MAX_CONNECTIONS,
        connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
        statement_timeout: STATEMENT_TIMEOUT_MS,
        idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
        application_name: 'slipway',
        types,
      });
      // The pool drops a connection that breaks while idle and makes another when asked; unhandled, it would end us.
      pool.on('error', (error) => process.emitWarning(error));
      return pool;
    },
  });
}

function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new Error(`the number ${text} is too large`);
  return value;
}
