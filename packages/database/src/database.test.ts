import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Kysely, sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { databaseContract, engines } from '../testing/index.ts';
import { openDatabase } from './open-database.ts';

describe.each(engines)('on $engine', databaseContract);

describe('on sqlite alone', () => {
  interface Schema {
    owners: { name: string };
  }
  let directory: string;
  let db: Kysely<Schema>;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'slipway-database-'));
    db = openDatabase<Schema>(`file:${join(directory, 'test.db')}`);
    await db.schema.createTable('owners').addColumn('name', 'text').execute();
  });
  afterEach(async () => {
    await db.destroy();
    rmSync(directory, { recursive: true });
  });

  test('it writes ahead, syncs fully and checks foreign keys', async () => {
    const pragma = async (name: string): Promise<unknown> =>
      Object.values((await sql<Record<string, unknown>>`${sql.raw(`pragma ${name}`)}`.execute(db)).rows[0] ?? {})[0];
    await expect(pragma('journal_mode')).resolves.toBe('wal');
    await expect(pragma('synchronous')).resolves.toBe(2);
    await expect(pragma('foreign_keys')).resolves.toBe(1);
    await expect(pragma('busy_timeout')).resolves.toBe(20);
  });

  test('rows can be read one by one', async () => {
    await db
      .insertInto('owners')
      .values(['c', 'a', 'b'].map((name) => ({ name })))
      .execute();
    const names: string[] = [];
    for await (const row of db.selectFrom('owners').select('name').orderBy('name').stream()) names.push(row.name);
    expect(names).toEqual(['a', 'b', 'c']);
  });

  test('only its owner can read the files', () => {
    for (const suffix of ['', '-wal', '-shm']) {
      expect(statSync(join(directory, `test.db${suffix}`)).mode & 0o777).toBe(0o600);
    }
  });

  test('what was committed is there after the process was killed, and nothing by halves', async () => {
    await db.schema
      .createTable('entries')
      .addColumn('id', 'integer', (column) => column.primaryKey())
      .addColumn('name', 'text')
      .execute();
    const script = fileURLToPath(new URL('./crash-writer.test-support.ts', import.meta.url));
    const writer = spawn(process.execPath, [script, `file:${join(directory, 'test.db')}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let committed = 0;
    for await (const line of createInterface({ input: writer.stdout })) {
      committed = Number(line);
      if (committed === 25) writer.kill('SIGKILL');
    }
    const { rows } = await sql<{ id: number; name: string }>`select id, name from entries order by id`.execute(db);
    expect(committed).toBeGreaterThanOrEqual(25);
    expect(rows.length % 2).toBe(0);
    // One commit more may have reached the disk before the word of it reached us.
    expect(rows.length / 2 - committed).toBeOneOf([0, 1]);
    expect(rows.map((row) => row.id)).toEqual(rows.map((_, index) => index + 2));
  });
});

test('a URL of another kind is refused without being repeated', () => {
  expect(() => openDatabase('mysql://root:secret@localhost/x')).toThrow(
    new Error('a database URL must start with "file:" or "postgres://"'),
  );
});
