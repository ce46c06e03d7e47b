import { type LogEnvelope, logEnvelope } from '@slipway/contracts';
import { type NatsHandle, startNats } from '@slipway/testing';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { connectTo, eventually, operatorBus } from './bus.test-support.ts';
import { type Bus, emitMessage } from './index.ts';
import type { StoredRecord } from './stored-records.ts';
import { StoredSequence } from './stored-sequence.ts';

let nats: NatsHandle;
beforeEach(async () => {
  nats = await startNats();
});
afterEach(() => nats.stop());

const line = (sourceId: string, n: number): LogEnvelope => ({
  timestamp: String(n),
  sourceId,
  instanceId: '0',
  sourceType: 'APP/PROC/WEB',
  stream: 'OUT',
  payload: '',
  tags: {},
});

interface Followed {
  readonly records: StoredRecord[];
  readonly caughtUp: Promise<void>;
}

function follow(bus: Bus): Followed {
  const records: StoredRecord[] = [];
  const caughtUp = Promise.withResolvers<void>();
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const listener = { onRestart: () => undefined, onCaughtUp: () => caughtUp.resolve() };
  new StoredSequence(bus, 'LOGS', (record) => void records.push(record))
    .follow(stop.signal, listener)
    .catch((error: unknown) => caughtUp.reject(error));
  return { records, caughtUp: caughtUp.promise };
}

const sequences = (records: readonly StoredRecord[]): number[] => records.map(({ sequence }) => sequence);

test('each record once and in order while several write at one time, whenever the reading began', async () => {
  const writers = await Promise.all(['cell-1', 'cell-2'].map((cellId) => connectTo(nats, 'cell-rep', cellId)));
  const logCache = await connectTo(nats, 'log-cache');
  const readings = [follow(logCache)];
  const rounds = 10;
  const each = 200;
  for (let round = 0; round < rounds; round++) {
    for (const [i, writer] of writers.entries()) {
      for (let n = 0; n < each; n++) emitMessage(writer, logEnvelope, line(`app-${i}`, round * each + n));
    }
    if (round % 5 === 0) readings.push(follow(logCache));
    await Promise.all(writers.map((writer) => writer.nc.flush()));
  }
  const all = Array.from({ length: rounds * each * writers.length }, (_, i) => i + 1);
  for (const { records } of readings) {
    await eventually(() => records.length).toBe(all.length);
    expect(sequences(records)).toEqual(all);
    for (const i of writers.keys()) {
      const own = records.filter(({ subject }) => subject === `log.envelope.app-${i}`);
      const timestamps = own.map((record) => Number((record.json() as { data: LogEnvelope }).data.timestamp));
      expect(timestamps).toEqual(Array.from({ length: rounds * each }, (_, n) => n));
    }
  }
});

test('goes past what limits have taken away without asking for it piece by piece', async () => {
  const writer = await connectTo(nats, 'cell-rep', 'cell-1');
  const emit = async (sourceId: string, count: number): Promise<void> => {
    for (let n = 0; n < count; n++) emitMessage(writer, logEnvelope, line(sourceId, n));
    await writer.nc.flush();
  };
  await emit('quiet', 1);
  await emit('noisy', 9_000);
  await emit('quiet', 2);
  await emit('noisy', 9_000);
  const { jsm } = await operatorBus(nats);
  await jsm.streams.purge('LOGS', { filter: 'log.envelope.noisy' });
  const logCache = await connectTo(nats, 'log-cache');
  let requests = 0;
  const getMessage = logCache.jsm.streams.getMessage.bind(logCache.jsm.streams);
  logCache.jsm.streams.getMessage = (...query) => {
    requests++;
    return getMessage(...query);
  };
  const { records, caughtUp } = follow(logCache);
  await caughtUp;
  expect(sequences(records)).toEqual([1, 9_002, 9_003]);
  // Those under way at one time, twice or so; 141 would be one for each piece.
  expect(requests).toBeLessThan(110);
  await emit('quiet', 1);
  await eventually(() => sequences(records)).toEqual([1, 9_002, 9_003, 18_004]);
});

test('ends when it can hear no more', async () => {
  const logCache = await connectTo(nats, 'log-cache');
  const failed = new StoredSequence(logCache, 'LOGS', () => undefined).follow(new AbortController().signal, {
    onRestart: () => undefined,
    onCaughtUp: () => void logCache.close(),
  });
  await expect(failed).rejects.toThrow();
});
