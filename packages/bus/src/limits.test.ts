import { randomUUID } from 'node:crypto';
import { buckets, jetStreamPrefix, streams, type Unplaced } from '@slipway/contracts';
import { createLogger, Secret } from '@slipway/service-kit';
import { type NatsHandle, startNats } from '@slipway/testing';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { connectTo, operatorBus } from './bus.test-support.ts';
import { KvStore, keepTopology } from './index.ts';

let nats: NatsHandle;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats.stop());

const MEBIBYTE = 1024 * 1024;

test('a cell that fills its bucket takes no room from the other buckets', async () => {
  const cell = await connectTo(nats, 'cell-rep', 'cell-1');
  const scheduler = await connectTo(nats, 'scheduler');
  const bulk = new Uint8Array(3 * MEBIBYTE);
  let stored = 0;
  const fill = async (): Promise<void> => {
    for (; stored * bulk.length < 2 * buckets.instances.maxBytes; stored++) {
      await cell.js.publish(`${jetStreamPrefix}.$KV.instances.cell-1.bulk-${stored}`, bulk);
    }
  };
  await expect(fill()).rejects.toThrow('maximum bytes exceeded');
  expect(stored * bulk.length).toBeLessThanOrEqual(buckets.instances.maxBytes);
  const store = await KvStore.open(scheduler, buckets.placements);
  const record: Unplaced = {
    v: 1,
    kind: 'unplaced',
    processGuid: `${randomUUID()}-${randomUUID()}`,
    index: 0,
    state: 'UNCLAIMED',
    crashCount: 0,
    since: '2026-01-01T00:00:00.000Z',
  };
  expect(await store.put('unplaced.a.0', record)).toBe(1);
});

test('an installation whose buckets have no limits yet, and obey headers that delete, gets both', async () => {
  const { jsm } = await operatorBus(nats);
  await jsm.streams.update('KV_cells', { max_bytes: -1, allow_rollup_hdrs: true });
  await jsm.streams.update('LOGS', { max_msg_size: -1 });
  const keeper = keepTopology({
    url: nats.url,
    user: 'operator',
    password: new Secret(nats.password('operator')),
    logger: createLogger('test', 'silent'),
  });
  onTestFinished(() => keeper.stop());
  await keeper.complete;
  expect((await jsm.streams.info('KV_cells')).config).toMatchObject({
    max_bytes: buckets.cells.maxBytes,
    allow_rollup_hdrs: false,
  });
  expect((await jsm.streams.info('LOGS')).config.max_msg_size).toBe(streams.logs.maxMessageBytes);
});

test('a line of the log cannot be longer than lines are', async () => {
  const cell = await connectTo(nats, 'cell-rep', 'cell-1');
  const tooLong = cell.js.publish('log.envelope.app', new Uint8Array(MEBIBYTE));
  await expect(tooLong).rejects.toThrow('message size exceeds maximum allowed');
});
