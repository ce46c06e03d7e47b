import { KvStore } from '@slipway/bus';
import { buckets, type Instance, keys } from '@slipway/contracts';
import { type NatsHandle, startNats } from '@slipway/testing';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { sampleGuid, sampleInstance } from '../domain/samples.test-support.ts';
import { connectAs, silent } from './bus.test-support.ts';
import { RecordWriter } from './record-writer.ts';

let nats: NatsHandle;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats.stop());

const soon = (): AbortSignal => AbortSignal.timeout(30_000);

async function reader(): Promise<(n: number) => Promise<Instance['state'] | undefined>> {
  const store = await KvStore.open(await connectAs(nats, 'scheduler'), buckets.instances);
  return async (n) => (await store.get(keys.instance('cell-1', sampleGuid(n))))?.value.state;
}

function startWriter(): RecordWriter<Instance> {
  const writer = new RecordWriter<Instance>(
    { guidOf: ({ instanceGuid }) => instanceGuid, keyOf: (guid) => keys.instance('cell-1', guid) },
    silent,
  );
  onTestFinished(() => writer.close());
  return writer;
}

test('what was set before the first connection is written after it, the newest state of each', async () => {
  const stateOf = await reader();
  const writer = startWriter();
  writer.set(sampleInstance(1, { state: 'CLAIMED' }));
  writer.set(sampleInstance(1, { state: 'RUNNING' }));
  writer.set(sampleInstance(2));
  writer.remove(sampleGuid(2));
  const bus = await connectAs(nats, 'cell-rep', 'cell-1');
  writer.attach(await KvStore.open(bus, buckets.instances), () => bus.ready);
  await writer.allSettled(soon());
  expect(await stateOf(1)).toBe('RUNNING');
  expect(await stateOf(2)).toBeUndefined();
});

test('a burst of changes ends with the last', async () => {
  const stateOf = await reader();
  const writer = startWriter();
  const bus = await connectAs(nats, 'cell-rep', 'cell-1');
  writer.attach(await KvStore.open(bus, buckets.instances), () => bus.ready);
  const states = ['CLAIMED', 'RUNNING', 'STOPPING'] as const;
  for (let i = 0; i < 60; i++) {
    writer.set(sampleInstance(3, { state: states[i % 3] as 'CLAIMED' }));
    // At every point of a write under way.
    if (i % 2 === 0) await Promise.resolve();
    if (i % 7 === 0) await writer.settled(sampleGuid(3), soon());
  }
  await writer.settled(sampleGuid(3), soon());
  expect(await stateOf(3)).toBe('STOPPING');
  writer.remove(sampleGuid(3));
  await writer.settled(sampleGuid(3), soon());
  expect(await stateOf(3)).toBeUndefined();
});

test('waits for NATS as long as it is away, and writes all again after it lost its store', async () => {
  const stateOf = await reader();
  const writer = startWriter();
  const bus = await connectAs(nats, 'cell-rep', 'cell-1');
  bus.onReset(() => writer.republish());
  writer.attach(await KvStore.open(bus, buckets.instances), () => bus.ready);
  writer.set(sampleInstance(4));
  await writer.allSettled(soon());
  await nats.kill();
  writer.set(sampleInstance(5));
  await expect(writer.settled(sampleGuid(5), AbortSignal.timeout(50))).rejects.toThrow('timeout');
  await nats.restart({ wipe: true });
  await writer.settled(sampleGuid(5), soon());
  await writer.allSettled(soon());
  await expect.poll(() => stateOf(4).catch(() => undefined), { timeout: 20_000 }).toBe('RUNNING');
  expect(await stateOf(5)).toBe('RUNNING');
});

test('a repair writes what nobody wrote, and not what was written just now', async () => {
  const operator = await KvStore.open(await connectAs(nats, 'scheduler'), buckets.instances);
  const writer = startWriter();
  const bus = await connectAs(nats, 'cell-rep', 'cell-1');
  writer.attach(await KvStore.open(bus, buckets.instances), () => bus.ready);
  writer.repair(sampleInstance(6));
  await writer.settled(sampleGuid(6), soon());
  const written = await operator.get(keys.instance('cell-1', sampleGuid(6)));
  expect(written?.value.state).toBe('RUNNING');
  writer.repair(sampleInstance(6));
  writer.set(sampleInstance(7));
  await writer.allSettled(soon());
  expect((await operator.get(keys.instance('cell-1', sampleGuid(6))))?.revision).toBe(written?.revision);
});
