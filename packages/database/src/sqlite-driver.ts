import { chmodSync, closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import {
  CompiledQuery,
  createQueryId,
  type DatabaseConnection,
  type Driver,
  type QueryCompiler,
  RawNode,
} from 'kysely';
import { Mutex } from './mutex.ts';
import { SqliteConnection } from './sqlite-connection.ts';

/** SQLite waits in this thread, so not for long: the connection tries again without blocking others. */
const BUSY_TIMEOUT_MS = 20;

/** One connection, handed to one user at a time: `node:sqlite` is synchronous, so a second one would gain nothing. */
export class SqliteDriver implements Driver {
  readonly #db: DatabaseSync;
  readonly #connection: SqliteConnection;
  readonly #mutex = new Mutex();

  constructor(path: string) {
    // SQLite gives its -wal and -shm files the mode of the database.
    closeSync(openSync(path, 'a', 0o600));
    chmodSync(path, 0o600);
    this.#db = new DatabaseSync(path, { enableForeignKeyConstraints: true, timeout: BUSY_TIMEOUT_MS });
    try {
      this.#db.exec('pragma journal_mode = wal; pragma synchronous = full; pragma temp_store = memory;');
    } catch (error) {
      this.#db.close();
      throw error;
    }
    this.#connection = new SqliteConnection(this.#db);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    await this.#mutex.acquire();
    return this.#connection;
  }

  async releaseConnection(): Promise<void> {
    this.#mutex.release();
  }

  /** The write lock is taken at once: a transaction that reads first could otherwise find its snapshot outdated. */
  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
    this.#connection.inTransaction = true;
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'));
    this.#connection.inTransaction = false;
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    this.#connection.inTransaction = false;
    // SQLite has already rolled back after some errors (disk full, I/O error).
    if (this.#db.isTransaction) await connection.executeQuery(CompiledQuery.raw('rollback'));
  }

  async savepoint(connection: DatabaseConnection, name: string, compile: QueryCompiler['compileQuery']): Promise<void> {
    await runSavepointCommand(connection, `savepoint ${name}`, compile);
  }

  async rollbackToSavepoint(
    connection: DatabaseConnection,
    name: string,
    compile: QueryCompiler['compileQuery'],
  ): Promise<void> {
    await runSavepointCommand(connection, `rollback to ${name}`, compile);
  }

  async releaseSavepoint(
    connection: DatabaseConnection,
    name: string,
    compile: QueryCompiler['compileQuery'],
  ): Promise<void> {
    await runSavepointCommand(connection, `release ${name}`, compile);
  }

  async destroy(): Promise<void> {
    await this.#mutex.close();
    this.#connection.dispose();
    this.#db.close();
  }
}

/** Savepoint names come from our own code, never from a user. */
async function runSavepointCommand(
  connection: DatabaseConnection,
  command: string,
  compile: QueryCompiler['compileQuery'],
): Promise<void> {
  await connection.executeQuery(compile(RawNode.createWithSql(command), createQueryId()));
}
