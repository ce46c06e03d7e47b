import { migrate, openDatabase } from '@slipway/database';
import { createLogger } from '@slipway/service-kit';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { engines, type TestDatabase } from '../../testing/test-database.ts';
import { migrationsWith } from '../adapters/sql/migrations.ts';
import { addToOutbox, type OutboxKind } from '../adapters/sql/outbox.ts';
import type { Database, Db } from '../adapters/sql/schema.ts';
import { OutboxRelay } from './outbox-relay.ts';

describe.each(engines)('on $engine', ({ engine, create }) => {
  let database: TestDatabase;
  let db: Db;
  let relays: OutboxRelay[];
  let done: string[];
  let connected: boolean;
  beforeEach(async () => {
    database = await create();
    db = openDatabase<Database>(database.url);
    await migrate(db, migrationsWith({ encrypt: (text) => text }));
    relays = [];
    done = [];
    connected = true;
  });
  afterEach(async () => {
    for (const relay of relays) await relay.stop();
    await db.destroy();
    await database.remove();
  });

  const relay = (
    handle: (what: string) => Promise<void> = async () => undefined,
    intervalMs = 3_600_000,
  ): OutboxRelay => {
    const handler = (kind: OutboxKind) => async (subject: string) => {
      await handle(`${kind} ${subject}`);
      done.push(`${kind} ${subject}`);
    };
    const created = new OutboxRelay({
      db,
      handlers: {
        'registry-check': handler('registry-check'),
        lrp: handler('lrp'),
        task: handler('task'),
        image: handler('image'),
        network: handler('network'),
        'staging-request': handler('staging-request'),
        sync: handler('sync'),
      },
      connected: () => connected,
      now: () => new Date(),
      logger: createLogger('test', 'silent'),
      intervalMs,
    });
    relays.push(created);
    return created;
  };
  const add = (kind: OutboxKind, subject: string): Promise<void> =>
    addToOutbox(db, kind, subject, new Date().toISOString());
  const left = async (): Promise<string[]> => {
    const rows = await db.selectFrom('outbox').select(['kind', 'subject']).orderBy('id').execute();
    return rows.map(({ kind, subject }) => `${kind} ${subject}`);
  };
  const emptied = (): Promise<unknown> => vi.waitFor(async () => expect(await left()).toEqual([]), { timeout: 20_000 });

  test('what is there at the start and what comes later is done in order, and once when asked for twice', async () => {
    for (const subject of ['a', 'b', 'a', 'c']) await add('lrp', subject);
    const started = relay();
    started.start();
    await emptied();
    expect(done).toEqual(['lrp a', 'lrp b', 'lrp c']);
    await add('staging-request', 'x');
    started.wake();
    await emptied();
    expect(done.at(-1)).toBe('staging-request x');
    expect(await started.depth()).toBe(0);
  });

  test('what fails stays, with the reason, and keeps nothing else back', async () => {
    let failing = true;
    const started = relay(async (what) => {
      if (failing && what === 'lrp bad') throw new Error('no such luck');
    });
    await add('lrp', 'bad');
    await add('lrp', 'good');
    started.start();
    await vi.waitFor(async () => expect(await left()).toEqual(['lrp bad']), { timeout: 20_000 });
    const row = await vi.waitFor(
      async () => {
        const found = await db.selectFrom('outbox').selectAll().executeTakeFirstOrThrow();
        expect(found.attempts).toBe(1);
        return found;
      },
      { timeout: 20_000 },
    );
    expect(row.last_error).toBe('no such luck');
    expect(row.not_before > row.created_at).toBe(true);
    failing = false;
    await started.hasten();
    await emptied();
    expect(done).toEqual(['lrp good', 'lrp bad']);
  });

  test('nothing is tried while the bus is away', async () => {
    connected = false;
    await add('lrp', 'a');
    const started = relay(undefined, 5);
    started.start();
    expect(await left()).toEqual(['lrp a']);
    connected = true;
    await emptied();
    expect(done).toEqual(['lrp a']);
  });

  test('what one process had in hand when it ended is done by the next', async () => {
    await add('lrp', 'a');
    const hanging = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const first = relay(async () => {
      reached.resolve();
      await hanging.promise;
      throw new Error('ended');
    });
    first.start();
    await reached.promise;
    // Still there: it goes only after its effect.
    if (engine === 'sqlite') expect(await left()).toEqual(['lrp a']);
    hanging.resolve();
    await first.stop();
    const second = relay();
    await second.hasten();
    await emptied();
    expect(done).toEqual(['lrp a']);
  });

  if (engine === 'sqlite') return;

  test('several processes share the work', async () => {
    for (let index = 0; index < 300; index++) await add('lrp', String(index));
    const all = [relay(), relay(), relay()];
    for (const one of all) one.start();
    await emptied();
    expect(done.toSorted()).toEqual(Array.from({ length: 300 }, (_, index) => `lrp ${index}`).toSorted());
  });
});
