import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '@slipway/database';
import { sql } from 'kysely';

/** An empty database of its own for a test. */
export interface TestDatabase {
  readonly url: string;
  remove(): Promise<void>;
}

interface Engine {
  readonly engine: 'sqlite' | 'postgres';
  readonly create: () => Promise<TestDatabase>;
}

async function sqliteDatabase(): Promise<TestDatabase> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-cc-'));
  return { url: `file:${join(directory, 'cc.db')}`, remove: () => rm(directory, { recursive: true }) };
}

async function postgresDatabase(serverUrl: string): Promise<TestDatabase> {
  const name = `slipway_test_${randomBytes(6).toString('hex')}`;
  const run = async (statement: string): Promise<void> => {
    const db = openDatabase(serverUrl);
    await sql.raw(statement).execute(db);
    await db.destroy();
  };
  await run(`create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return { url: url.href, remove: () => run(`drop database ${name} with (force)`) };
}

const postgresUrl = process.env.TEST_POSTGRES_URL;
if (postgresUrl === undefined) {
  console.log('SKIPPED on PostgreSQL: set TEST_POSTGRES_URL to a server where databases may be made to run there too.');
}

/** SQLite, and PostgreSQL when there is a server. */
export const engines: readonly Engine[] = [
  { engine: 'sqlite', create: sqliteDatabase },
  ...(postgresUrl === undefined ? [] : [{ engine: 'postgres' as const, create: () => postgresDatabase(postgresUrl) }]),
];
