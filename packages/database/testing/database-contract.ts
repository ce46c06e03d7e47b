import { type Generated, type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  databaseEngine,
  isDiskFull,
  isForeignKeyViolation,
  isTransactionConflict,
  isUniqueViolation,
  MigrationError,
  migrate,
  openDatabase,
  serialPrimaryKey,
} from '../src/index.ts';
import type { TestDatabase, TestEngine } from './engines.ts';

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

/** What every engine must do, whichever it is: `describe.each(engines)('on $engine', databaseContract)`. */
export function databaseContract({ engine, create }: TestEngine): void {
  let database: TestDatabase;
  let db: Kysely<Schema>;
  beforeEach(async () => {
    database = await create();
    db = openDatabase<Schema>(database.url);
    await migrate(db, migrations);
  });
  afterEach(async () => {
    await db.destroy();
    await database.remove();
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
    const others = [openDatabase<Schema>(database.url), openDatabase<Schema>(database.url)];
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

  test('a full disk is told from other errors, and what was begun is undone', async () => {
    // PostgreSQL's own disk cannot be filled here; its error can be had as it would come.
    const fill =
      engine === 'sqlite'
        ? sql`pragma max_page_count = 1`
        : sql`do $$ begin raise exception using errcode = '53100'; end $$`;
    const full = await db
      .transaction()
      .execute(async (trx) => {
        await trx.insertInto('owners').values({ name: 'a', active: 1 }).execute();
        await fill.execute(trx);
        await trx
          .insertInto('owners')
          .values({ name: 'b'.repeat(1_000_000), active: 1 })
          .execute();
      })
      .catch((error: unknown) => error);
    expect(full).toBeInstanceOf(Error);
    expect(isDiskFull(full)).toBe(true);
    await expect(db.selectFrom('owners').selectAll().execute()).resolves.toEqual([]);
    const other = await sql`select * from nowhere`.execute(db).catch((error: unknown) => error);
    expect(isDiskFull(other)).toBe(false);
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

  if (engine === 'postgres') {
    test('of two transactions that wait for each other one is told to try again', async () => {
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
    });
  }

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
    const other = openDatabase<Schema>(database.url);
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
}
