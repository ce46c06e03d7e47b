import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CompiledQuery, DatabaseConnection, QueryResult } from 'kysely';

/** Distinct statements kept ready; a service has some hundred, and lists of different lengths add to them. */
const MAX_STATEMENTS = 500;
/** Another process that writes gets this long. */
const BUSY_DEADLINE_MS = 10_000;
const BUSY_RETRY_MS = 5;
/** sqlite.org/rescode.html: the lowest byte; the extended codes, such as "another process recovers the log", add to it. */
const SQLITE_BUSY = 5;

interface CachedStatement {
  readonly statement: StatementSync;
  readonly returnsRows: boolean;
}

/** Runs compiled queries, keeping their statements prepared. */
export class SqliteConnection implements DatabaseConnection {
  readonly #db: DatabaseSync;
  /** In order of last use, the oldest first. */
  readonly #statements = new Map<string, CachedStatement>();
  /** Set by the driver from the begin of a transaction to its end. */
  inTransaction = false;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const deadline = performance.now() + BUSY_DEADLINE_MS;
    for (;;) {
      try {
        return this.#execute<R>(query);
      } catch (error) {
        // A busy statement has done nothing.
        if (!isBusy(error) || performance.now() > deadline) throw error;
      }
      await sleep(BUSY_RETRY_MS);
    }
  }

  #execute<R>(query: CompiledQuery): QueryResult<R> {
    // After some errors (disk full) SQLite rolls back by itself: what comes then would be committed statement by statement.
    if (this.inTransaction && !this.#db.isTransaction) {
      throw new Error('the transaction was rolled back after an earlier error');
    }
    const { statement, returnsRows } = this.#prepare(query.sql);
    const parameters = query.parameters.map(toSqliteValue);
    if (returnsRows) return { rows: statement.all(...parameters) as R[] };
    const { changes, lastInsertRowid } = statement.run(...parameters);
    // The shape of the tables may have changed under the prepared statements.
    if (/^\s*(create|alter|drop)\b/i.test(query.sql)) this.#statements.clear();
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
  }

  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    // A statement of its own: a cached one could be reset by another query while this one is read.
    const statement = this.#db.prepare(query.sql);
    for (const row of statement.iterate(...query.parameters.map(toSqliteValue))) yield { rows: [row as R] };
  }

  /** Lets go of the prepared statements. */
  dispose(): void {
    this.#statements.clear();
  }

  #prepare(sql: string): CachedStatement {
    const known = this.#statements.get(sql);
    if (known !== undefined) {
      this.#statements.delete(sql);
      this.#statements.set(sql, known);
      return known;
    }
    const statement = this.#db.prepare(sql);
    const prepared = { statement, returnsRows: statement.columns().length > 0 };
    this.#statements.set(sql, prepared);
    const oldest = this.#statements.keys().next();
    if (this.#statements.size > MAX_STATEMENTS && oldest.done !== true) this.#statements.delete(oldest.value);
    return prepared;
  }
}

function isBusy(error: unknown): boolean {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  return typeof code === 'number' && (code & 0xff) === SQLITE_BUSY;
}

/**
 * The value as SQLite stores it. node:sqlite would take an object in the first place for named parameters, and bind NULL
 * without a word; so it would for NaN.
 */
function toSqliteValue(value: unknown, index: number): SQLInputValue {
  if (typeof value === 'boolean') return value ? 1 : 0;
  const storable =
    value === null || value instanceof Uint8Array || typeof value === 'string' || typeof value === 'bigint';
  if (storable || (typeof value === 'number' && !Number.isNaN(value))) return value;
  throw new TypeError(`SQLite cannot store parameter ${index + 1}: it is ${describe(value)}`);
}

/** Its kind, never its content. */
function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return Number.isNaN(value) ? 'NaN' : typeof value;
  return value.constructor?.name ?? 'an object';
}
