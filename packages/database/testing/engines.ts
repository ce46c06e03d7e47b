import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { type Engine, openDatabase } from '../src/index.ts';

/** An empty database of its own for a test. */
export interface TestDatabase {
  readonly url: string;
  /** Once all have closed it. */
  remove(): Promise<void>;
}

export interface TestEngine {
  readonly engine: Engine;
  readonly create: () => Promise<TestDatabase>;
}

async function sqliteDatabase(): Promise<TestDatabase> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-database-'));
  return { url: `file:${join(directory, 'test.db')}`, remove: () => rm(directory, { recursive: true }) };
}

async function postgresDatabase(serverUrl: string): Promise<TestDatabase> {
  const name = `slipway_test_${randomBytes(8).toString('hex')}`;
  await administer(serverUrl, `create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  // PostgreSQL waits until it has noticed that closed connections are closed; a pool that is open yet is a fault.
  return { url: url.href, remove: () => administer(serverUrl, `drop database ${name}`) };
}

async function administer(serverUrl: string, statement: string): Promise<void> {
  const db = openDatabase(serverUrl);
  try {
    await sql.raw(statement).execute(db);
  } finally {
    await db.destroy();
  }
}

function postgresEngines(): TestEngine[] {
  const serverUrl = process.env.TEST_POSTGRES_URL;
  if (serverUrl === undefined) {
    throw new Error('TEST_POSTGRES_URL is not set: vitest.config.ts must give this project its PostgreSQL server');
  }
  // Empty: there is none, as the global setup has said.
  return serverUrl === '' ? [] : [{ engine: 'postgres', create: () => postgresDatabase(serverUrl) }];
}

/** SQLite first, always; PostgreSQL when there is a server. */
export const engines: readonly [TestEngine, ...TestEngine[]] = [
  { engine: 'sqlite', create: sqliteDatabase },
  ...postgresEngines(),
];
