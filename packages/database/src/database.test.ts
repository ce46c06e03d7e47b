import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Generated, type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { databaseEngine } from './engine.ts';
import { MigrationError, migrate } from './migrate.ts';
import { openDatabase } from './open-database.ts';
import { serialPrimaryKey } from './serial-primary-key.ts';
import { isForeignKeyViolation, isTransactionConflict, isUniqueViolation } from './violations.ts';

interface Schema {
  owners: { id: Generated<number>; name: string; active: number };
  things: { id: Generated<number>; owner_id: number };
}

const migrations: Record<string, Migration> = {
  '001_owners': {
    up: async (db: Kysely<unknown>) => {
      await serialPrimaryKey(db, db.schema.createTable('owners'))
        .addColumn('name', 'text', (column) => column.notNull().unique())
        .addColumn('active', 'integer', (column) => column.notNull())
        .execute();
    },
  },
  '002_things': {
    up: async (db: Kysely<unknown>) => {
      await serialPrimaryKey(db, db.schema.createTable('things'))
        .addColumn('owner_id', 'bigint', (column) => column.notNull().references('owners.id'))
        .execute();
    },
  },
};

const postgresUrl = process.env.TEST_POSTGRES_URL;
if (postgresUrl === undefined) {
  console.log('SKIPPED on PostgreSQL: set TEST_POSTGRES_URL to a database that may be emptied to run the suite there.');
}

let directory: string;
let db: Kysely<Schema>;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'slipway-database-'));
});
afterEach(async () => {
  await db.destroy();
  rmSync(directory, { recursive: true });
});

const engines = [
  { engine: 'sqlite', url: (): string => `file:${join(directory, 'test.db')}` },
  ...(postgresUrl === undefined ? [] : [{ engine: 'postgres', url: (): string => postgresUrl }]),
];

describe.each(engines)('on $engine', ({ engine, url }) => {
  beforeEach(async () => {
    db = openDatabase<Schema>(url());
    if (engine === 'postgres') await sql`drop schema public cascade; create schema public`.execute(db);
    await migrate(db, migrations);
  });

  const addOwner = (name: string): Promise<{ id: number }> =>
    db.insertInto('owners').values({ name, active: 1 }).returning('id').executeTakeFirstOrThrow();

  test('it knows its engine', () => {
    expect(databaseEngine(db)).toBe(engine);
  });

  test('a migration runs once', async () => {
    await expect(migrate(db, migrations)).resolves.toEqual([]);
    await expect(migrate(db, { ...migrations, '003_none': { up: async () => {} } })).resolves.toEqual(['003_none']);
  });

  test('a migration that fails leaves nothing behind, not even the ones before it', async () => {
    const broken = {
      ...migrations,
      '003_more': { up: (trx: Kysely<unknown>) => trx.schema.createTable('more').addColumn('a', 'text').execute() },
      '004_broken': {
        up: async () => {
          throw new Error('no such luck');
        },
      },
    };
    await expect(migrate(db, broken)).rejects.toThrow(new MigrationError('migration 004_broken failed: no such luck'));
    const tables = await db.introspection.getTables();
    expect(tables.map((table) => table.name)).not.toContain('more');
    await expect(migrate(db, migrations)).resolves.toEqual([]);
  });

  test('several processes migrate at once and one of them does it', async () => {
    let runs = 0;
    const up = async (): Promise<void> => {
      runs += 1;
    };
    const slow = { ...migrations, '003_slow': { up } };
    const others = [openDatabase<Schema>(url()), openDatabase<Schema>(url())];
    try {
      const results = await Promise.all([db, ...others].map((handle) => migrate(handle, slow)));
      expect(results.flat()).toEqual(['003_slow']);
      expect(runs).toBe(1);
    } finally {
      await Promise.all(others.map((handle) => handle.destroy()));
    }
  });

  test('keys count up, are numbers, and are not used twice', async () => {
    const first = await addOwner('a');
    await db.deleteFrom('owners').execute();
    const second = await addOwner('b');
    expect(second.id).toBeGreaterThan(first.id);
  });

  test('counts are numbers', async () => {
    await addOwner('a');
    const { count } = await db
      .selectFrom('owners')
      .select((eb) => eb.fn.countAll().as('count'))
      .executeTakeFirstOrThrow();
    expect(count).toBe(1);
  });

  test('a unique violation is told from other errors', async () => {
    await addOwner('a');
    const duplicate = await addOwner('a').catch((error: unknown) => error);
    expect(isUniqueViolation(duplicate)).toBe(true);
    expect(isForeignKeyViolation(duplicate)).toBe(false);
    const other = await sql`select * from nowhere`.execute(db).catch((error: unknown) => error);
    expect(other).toBeInstanceOf(Error);
    expect(isUniqueViolation(other)).toBe(false);
  });

  test('foreign keys are enforced', async () => {
    const dangling = await db
      .insertInto('things')
      .values({ owner_id: 99 })
      .execute()
      .catch((error: unknown) => error);
    expect(isForeignKeyViolation(dangling)).toBe(true);
    expect(isUniqueViolation(dangling)).toBe(false);
  });

  test('a transaction that throws leaves nothing behind', async () => {
    const failing = db.transaction().execute(async (trx) => {
      await trx.insertInto('owners').values({ name: 'a', active: 1 }).execute();
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    await expect(db.selectFrom('owners').selectAll().execute()).resolves.toEqual([]);
  });

  test.runIf(engine === 'postgres')(
    'of two transactions that wait for each other one is told to try again',
    async () => {
      const ids = [await addOwner('a'), await addOwner('b')].map(({ id }) => id);
      const started = [0, 0].map(() => Promise.withResolvers<void>());
      const raise = async (mine: number): Promise<void> => {
        await db.transaction().execute(async (trx) => {
          for (const which of [mine, 1 - mine]) {
            await trx
              .updateTable('owners')
              .set({ active: 2 })
              .where('id', '=', ids[which] ?? 0)
              .execute();
            started[mine]?.resolve();
            await started[1 - mine]?.promise;
          }
        });
      };
      const results = await Promise.allSettled([raise(0), raise(1)]);
      const failures = results.filter((result) => result.status === 'rejected');
      expect(failures).toHaveLength(1);
      expect(isTransactionConflict(failures[0]?.reason)).toBe(true);
      expect(isUniqueViolation(failures[0]?.reason)).toBe(false);
    },
  );

  test('a transaction can go back to a savepoint', async () => {
    const trx = await db.startTransaction().execute();
    await trx.insertInto('owners').values({ name: 'kept', active: 1 }).execute();
    const point = await trx.savepoint('before').execute();
    await point.insertInto('owners').values({ name: 'dropped', active: 0 }).execute();
    const back = await point.rollbackToSavepoint('before').execute();
    await back.commit().execute();
    const names = await db.selectFrom('owners').select('name').execute();
    expect(names).toEqual([{ name: 'kept' }]);
  });

  test('nothing of a transaction is seen before its end', async () => {
    const trx = await db.startTransaction().execute();
    await trx.insertInto('owners').values({ name: 'a', active: 1 }).execute();
    const other = openDatabase<Schema>(url());
    try {
      await expect(other.selectFrom('owners').selectAll().execute()).resolves.toEqual([]);
      await trx.commit().execute();
      await expect(other.selectFrom('owners').selectAll().execute()).resolves.toHaveLength(1);
    } finally {
      await other.destroy();
    }
  });

  test('transactions side by side lose no update', async () => {
    const { id } = await addOwner('a');
    await Promise.all(
      Array.from({ length: 20 }, () =>
        db.transaction().execute(async (trx) => {
          await trx
            .updateTable('owners')
            .set((eb) => ({ active: eb('active', '+', 1) }))
            .where('id', '=', id)
            .execute();
        }),
      ),
    );
    const owner = await db.selectFrom('owners').select('active').executeTakeFirstOrThrow();
    expect(owner.active).toBe(21);
  });
});

describe('on sqlite alone', () => {
  beforeEach(async () => {
    db = openDatabase<Schema>(`file:${join(directory, 'test.db')}`);
    await migrate(db, migrations);
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
      .values(['c', 'a', 'b'].map((name) => ({ name, active: 1 })))
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
  db = openDatabase<Schema>(`file:${join(directory, 'unused.db')}`);
  expect(() => openDatabase('mysql://root:secret@localhost/x')).toThrow(
    new Error('a database URL must start with "file:" or "postgres://"'),
  );
});
