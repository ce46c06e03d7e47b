import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import { databaseEngine } from '../src/index.ts';
import type { TestDatabase } from './engines.ts';

/** All that whoever steals the database gets: SQLite's files byte for byte, of PostgreSQL every row of every table. */
export async function rawContent<DB>(db: Kysely<DB>, database: Pick<TestDatabase, 'url'>): Promise<string> {
  if (databaseEngine(db) === 'sqlite') {
    const directory = dirname(new URL(database.url).pathname);
    const files = await readdir(directory);
    return (await Promise.all(files.map((file) => readFile(join(directory, file), 'latin1')))).join('\n');
  }
  const tables = (await db.introspection.getTables()).map(({ name }) => name);
  const dumps = tables.map(async (table) => {
    const { rows } = await sql<{ row: string }>`select t::text as row from ${sql.table(table)} t`.execute(db);
    return [table, ...rows.map(({ row }) => row)].join('\n');
  });
  return (await Promise.all(dumps)).join('\n');
}
