import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
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

const MAX_LOOKS = 100;
const LOOK_MS = 50;

async function sqliteDatabase(): Promise<TestDatabase> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-cc-'));
  return { url: `file:${join(directory, 'cc.db')}`, remove: () => rm(directory, { recursive: true }) };
}

async function postgresDatabase(serverUrl: string): Promise<TestDatabase> {
  const name = `slipway_test_${randomBytes(6).toString('hex')}`;
  const db = openDatabase(serverUrl);
  await sql.raw(`create database ${name}`).execute(db);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    remove: async () => {
      // A closed connection is there until the server has noticed; forcing it out would make its client complain.
      const sessions = sql<{ count: number }>`select count(*) as count from pg_stat_activity where datname = ${name}`;
      for (let look = 0; look < MAX_LOOKS && (await sessions.execute(db)).rows[0]?.count !== 0; look++) {
        await sleep(LOOK_MS);
      }
      await sql.raw(`drop database ${name} with (force)`).execute(db);
      await db.destroy();
    },
  };
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
