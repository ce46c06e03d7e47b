import { randomUUID } from 'node:crypto';
import { headers } from '@nats-io/nats-core';
import { buckets, type Instance, jetStreamPrefix, keys, type LogEnvelope, logEnvelope } from '@slipway/contracts';
import { type NatsHandle, startNats } from '@slipway/testing';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { connectTo, eventually, operatorBus, publishRaw } from './bus.test-support.ts';
import { type Bus, emitMessage, KvStore, KvView, startStreamReader } from './index.ts';

// nats-server stores whatever headers a publisher sends, obeys some of them, and puts its own behind them when it says
// again what it has stored. What a cell writes under its own keys may not touch what is another's.

let nats: NatsHandle;
beforeEach(async () => {
  nats = await startNats({ cellIds: ['mine', 'other'] });
});
afterEach(() => nats.stop());

const instance = (cellId: string, index: number): Instance => ({
  v: 1,
  instanceGuid: randomUUID(),
  processGuid: `${randomUUID()}-${randomUUID()}`,
  index,
  cellId,
  state: 'CLAIMED',
  since: '2026-01-01T00:00:00.000Z',
  routable: false,
});
const line = (n: number): LogEnvelope => ({
  timestamp: String(n),
  sourceId: 'app',
  instanceId: '0',
  sourceType: 'APP',
  stream: 'OUT',
  payload: '',
  tags: {},
});
const subjectOf = (cellId: string, name: string): string =>
  `${jetStreamPrefix}.$KV.${buckets.instances.name}.${keys.instance(cellId, name)}`;

async function openView(bus: Bus): Promise<KvView<Instance>> {
  const view = await KvView.open(bus, buckets.instances);
  onTestFinished(() => view.close());
  return view;
}

/** The timestamps of the lines that it has read. */
function readLog(bus: Bus): number[] {
  const lines: number[] = [];
  const reader = startStreamReader(bus, {
    definition: { ...logEnvelope, stream: 'LOGS' },
    onMessage: ({ data }) => void lines.push(Number(data.timestamp)),
    onRestart: () => void lines.splice(0),
    onCaughtUp: () => undefined,
  });
  onTestFinished(() => reader.stop());
  return lines;
}

test.each(['all', 'sub'])('a header that has the server take records away (%s) is refused', async (rollup) => {
  const other = await KvStore.open(await connectTo(nats, 'cell-rep', 'other'), buckets.instances);
  await other.put(keys.instance('other', 'a'), instance('other', 0));
  const attacker = await connectTo(nats, 'cell-rep', 'mine');
  const wipe = headers();
  wipe.set('Nats-Rollup', rollup);
  await expect(attacker.js.publish(subjectOf('mine', 'a'), '{}', { headers: wipe })).rejects.toThrow('rollup');
  await expect(attacker.js.publish('log.envelope.app', '{}', { headers: wipe })).rejects.toThrow('rollup');
  expect((await other.get(keys.instance('other', 'a')))?.value.index).toBe(0);
  const { jsm } = await operatorBus(nats);
  for await (const { config } of jsm.streams.list()) expect(config.allow_rollup_hdrs, config.name).toBe(false);
});

test('a record is of the key that it was stored under, and as old as the server says, whatever its headers say', async () => {
  const scheduler = await connectTo(nats, 'scheduler');
  const view = await openView(scheduler);
  const other = await KvStore.open(await connectTo(nats, 'cell-rep', 'other'), buckets.instances);
  await other.put(keys.instance('other', 'a'), instance('other', 0));
  const attacker = await connectTo(nats, 'cell-rep', 'mine');
  const forged = headers();
  forged.set('Nats-Subject', `$KV.${buckets.instances.name}.${keys.instance('other', 'a')}`);
  forged.set('Nats-Sequence', '9007199254740991');
  const { seq } = await attacker.js.publish(subjectOf('mine', 'a'), JSON.stringify(instance('mine', 1)), {
    headers: forged,
  });
  expect(await view.reached(seq)).toBe(true);
  expect(view.revision).toBe(seq);
  expect(view.get(keys.instance('other', 'a'))?.cellId).toBe('other');
  expect(view.entries.get(keys.instance('mine', 'a'))).toMatchObject({ revision: seq, value: { index: 1 } });
  const next = await other.put(keys.instance('other', 'a'), instance('other', 2));
  expect(await view.reached(next)).toBe(true);
  expect(view.get(keys.instance('other', 'a'))?.index).toBe(2);
});

test('a forged sequence neither hides nor delays a line of the log', async () => {
  const lines = readLog(await connectTo(nats, 'log-cache'));
  const attacker = await connectTo(nats, 'cell-rep', 'mine');
  const other = await connectTo(nats, 'cell-rep', 'other');
  for (let n = 0; n < 6; n += 2) {
    emitMessage(other, logEnvelope, line(n));
    await other.nc.flush();
    const forged = headers();
    forged.set('Nats-Sequence', n === 0 ? '3' : '9007199254740991');
    const message = { type: 'log.envelope', v: 1, id: randomUUID(), time: '2026-01-01T00:00:00Z', source: 'x' };
    const body = JSON.stringify({ ...message, data: line(n + 1) });
    await attacker.js.publish('log.envelope.app', body, { headers: forged });
  }
  await eventually(() => lines).toEqual([0, 1, 2, 3, 4, 5]);
});

test('headers that no client can read cut nobody off', async () => {
  const scheduler = await connectTo(nats, 'scheduler');
  const logCache = await connectTo(nats, 'log-cache');
  const view = await openView(scheduler);
  const lines = readLog(logCache);
  const { generation } = scheduler;
  const other = await connectTo(nats, 'cell-rep', 'other');
  const store = await KvStore.open(other, buckets.instances);
  const unreadable = [
    'NATS/1.0\r\nA: one\ntwo\r\n\r\n',
    'NATS/1.0\r\nA B: c\r\n\r\n',
    'NATS/1.0\r\n\u00e9: c\r\n\r\n',
    'NATS/1.0 503\r\nA\n: b',
    'no headers at all',
  ];
  await publishRaw(
    nats,
    'cell-rep-mine',
    unreadable.flatMap((each, i) => [
      { subject: subjectOf('mine', `h${i}`), headers: each, payload: JSON.stringify(instance('mine', i)) },
      { subject: 'log.envelope.app', headers: each, payload: 'not JSON' },
    ]),
  );
  expect(await view.reached(await store.put(keys.instance('other', 'a'), instance('other', 7)))).toBe(true);
  expect([...view.entries.values()].map(({ value }) => value.index)).toEqual([0, 1, 2, 3, 4, 7]);
  emitMessage(other, logEnvelope, line(1));
  await eventually(() => lines).toEqual([1]);
  expect(scheduler.generation).toBe(generation);
  // Neither those who were there, nor those who come later and read what was stored.
  expect((await openView(await connectTo(nats, 'cloud-controller'))).entries.size).toBe(6);
  await eventually(() => lines).toEqual([1]);
  const late = readLog(logCache);
  await eventually(() => late).toEqual([1]);
  const read = await KvStore.open(await connectTo(nats, 'scheduler'), buckets.instances);
  expect((await read.get(keys.instance('mine', 'h0')))?.value.index).toBe(0);
});
