import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { openDatabase } from './open-database.ts';

interface Schema {
  things: { name: string };
}

let directory: string;
let db: Kysely<Schema>;
const open = (): Kysely<Schema> => openDatabase<Schema>(`file:${join(directory, 'test.db')}`);
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'slipway-sqlite-'));
  db = open();
  await db.schema.createTable('things').addColumn('name', 'text').execute();
});
afterEach(async () => {
  await db.destroy();
  rmSync(directory, { recursive: true });
});

const names = async (from: Kysely<Schema>): Promise<string[]> =>
  (await from.selectFrom('things').select('name').execute()).map(({ name }) => name);

/** No deadline passes by itself any more. */
function stopTheClock(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
}

test('a query on the outer handle inside a transaction does not wait for ever', async () => {
  stopTheClock();
  const stuck = db.transaction().execute(() => names(db));
  const refused = expect(stuck).rejects.toThrow('the database connection was not free within 30000 ms');
  await vi.advanceTimersByTimeAsync(30_000);
  await refused;
  expect(await names(db)).toEqual([]);
});

test('closing lets the transactions that wait have their turn, and leaves nobody waiting', async () => {
  stopTheClock();
  const insert = (name: string): Promise<unknown> =>
    db.transaction().execute((trx) => trx.insertInto('things').values({ name }).execute());
  const before = ['a', 'b', 'c'].map(insert);
  // Everybody waits for the connection by now.
  await new Promise((resolve) => setImmediate(resolve));
  const closed = db.destroy();
  // Too late or just in time, but answered.
  await Promise.allSettled([insert('late')]);
  await Promise.all([...before, closed]);
  await expect(insert('later')).rejects.toThrow();
  const again = open();
  expect((await names(again)).slice(0, 3)).toEqual(['a', 'b', 'c']);
  await again.destroy();
});

test('after an error that ended the transaction nothing more of it is written', async () => {
  // A limit on the pages has the effect of a full disk, and needs no mount.
  await sql`pragma max_page_count = 40`.execute(db);
  const swallowing = db.transaction().execute(async (trx) => {
    const fill = async (): Promise<void> => {
      for (;;)
        await trx
          .insertInto('things')
          .values({ name: 'x'.repeat(20_000) })
          .execute();
    };
    await expect(fill()).rejects.toThrow('database or disk is full');
    await trx.insertInto('things').values({ name: 'after' }).execute();
  });
  await expect(swallowing).rejects.toThrow('the transaction was rolled back after an earlier error');
  expect(await names(db)).toEqual([]);
  await db.insertInto('things').values({ name: 'next' }).execute();
  expect(await names(db)).toEqual(['next']);
});

test.each([
  ['a date', new Date(0), 'Date'],
  ['an object', { text: 'x' }, 'Object'],
  ['an array', ['x'], 'Array'],
  ['nothing', undefined, 'undefined'],
  ['no number', Number.NaN, 'NaN'],
])('%s is refused, not stored as NULL', async (_what, value, kind) => {
  const inserted = sql`insert into things (name) values (${value})`.execute(db);
  await expect(inserted).rejects.toThrow(`SQLite cannot store parameter 1: it is ${kind}`);
  expect(await names(db)).toEqual([]);
});

test('texts, numbers, booleans, bytes and null are stored as they are', async () => {
  for (const value of ['a\0b', 1.5, 7n, true, false, Buffer.from('c'), null]) {
    await sql`insert into things (name) values (${value})`.execute(db);
  }
  const { rows } = await sql<{ kind: string }>`select typeof(name) as kind from things`.execute(db);
  // The column's own affinity makes texts of numbers.
  expect(rows.map(({ kind }) => kind)).toEqual(['text', 'text', 'text', 'text', 'text', 'blob', 'null']);
});
