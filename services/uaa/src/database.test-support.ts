import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '@slipway/database';
import { sql } from 'kysely';

export interface TestDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** An empty database: a SQLite file, or when `TEST_POSTGRES_URL` names a PostgreSQL server one of its own there. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const postgres = process.env.TEST_POSTGRES_URL;
  if (postgres === undefined) {
    const directory = mkdtempSync(join(tmpdir(), 'slipway-uaa-'));
    return {
      url: `file:${join(directory, 'uaa.db')}`,
      drop: async () => rmSync(directory, { recursive: true, force: true }),
    };
  }
  const name = `uaa_${randomBytes(8).toString('hex')}`;
  const admin = openDatabase<Record<string, never>>(postgres);
  await sql`create database ${sql.id(name)}`.execute(admin);
  const url = new URL(postgres);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    drop: async () => {
      await sql`drop database ${sql.id(name)} with (force)`.execute(admin);
      await admin.destroy();
    },
  };
}
