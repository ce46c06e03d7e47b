import { randomUUID } from 'node:crypto';
import { headers } from '@nats-io/nats-core';
import { buckets, storedSubject, type Unplaced } from '@slipway/contracts';
import { type NatsHandle, startNats } from '@slipway/testing';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { connectTo, eventually, type LogCapture, operatorBus } from './bus.test-support.ts';
import { KvStore, KvView } from './index.ts';

let nats: NatsHandle;
beforeEach(async () => {
  nats = await startNats();
});
afterEach(() => nats.stop());

type Change = readonly [key: string, index: number | undefined] | 'snapshot';

const record = (index: number): Unplaced => ({
  v: 1,
  kind: 'unplaced',
  processGuid: `${randomUUID()}-${randomUUID()}`,
  index,
  state: 'UNCLAIMED',
  crashCount: 0,
  since: '2026-01-01T00:00:00.000Z',
});

test('takes in what nats-server tells of late: two writers’ records come in any order', async () => {
  const changes: Change[] = [];
  const view = await KvView.open(await connectTo(nats, 'scheduler'), buckets.placements, {
    onChange: (change) => {
      if (change === undefined) changes.push('snapshot');
      else changes.push([change.key, (change.value as Unplaced | undefined)?.index]);
    },
  });
  onTestFinished(() => view.close());
  const operator = await operatorBus(nats);
  /** As nats-server does after it has stored a record, outside of the lock that gave it its sequence. */
  const tell = (key: string, sequence: number, value: Unplaced | undefined): void => {
    const says = headers();
    says.set('Nats-Sequence', String(sequence));
    if (value === undefined) says.set('KV-Operation', 'DEL');
    const subject = storedSubject('KV_placements', `$KV.placements.${key}`);
    operator.nc.publish(subject, value === undefined ? '' : JSON.stringify(value), { headers: says });
  };
  tell('b', 3, record(3));
  expect(await view.reached(3)).toBe(true);
  expect(await view.reached(2, 10)).toBe(false);
  tell('a', 1, record(1));
  tell('a', 2, record(2));
  tell('c', 6, undefined);
  tell('c', 5, record(5));
  tell('b', 3, record(3));
  tell('b', 4, undefined);
  expect(await view.reached(4)).toBe(true);
  expect(await view.reached(2)).toBe(true);
  expect(changes).toEqual(['snapshot', ['b', 3], ['a', 1], ['a', 2], ['b', undefined]]);
  expect([...view.entries.keys()]).toEqual(['a']);
});

test('a listener that throws is logged, and misses nothing after it', async () => {
  const capture: LogCapture = { events: [] };
  const scheduler = await connectTo(nats, 'scheduler', undefined, capture);
  const store = await KvStore.open(scheduler, buckets.placements);
  const heard: (string | undefined)[] = [];
  const view = await KvView.open(scheduler, buckets.placements, {
    onChange: (change) => {
      heard.push(change?.key);
      if (change?.key === 'a') throw new Error('stumbled');
    },
  });
  onTestFinished(() => view.close());
  await store.put('a', record(0));
  expect(await view.reached(await store.put('b', record(1)))).toBe(true);
  await eventually(() => heard).toEqual([undefined, 'a', 'b']);
  expect(capture.events).toEqual(['kv-view.listener-failed']);
});
