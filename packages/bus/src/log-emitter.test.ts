import { randomUUID } from 'node:crypto';
import { type LogEnvelope, logEnvelope } from '@slipway/contracts';
import { type NatsHandle, startNats } from '@slipway/testing';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { connectTo, eventually, startWire } from './bus.test-support.ts';
import { type Bus, LogEmitter, nowNanoseconds, startStreamReader } from './index.ts';

let nats: NatsHandle;
beforeEach(async () => {
  nats = await startNats();
});
afterEach(() => nats.stop());

async function readLogs(): Promise<LogEnvelope[]> {
  const envelopes: LogEnvelope[] = [];
  const reader = startStreamReader(await connectTo(nats, 'log-cache'), {
    definition: { ...logEnvelope, stream: 'LOGS' },
    onMessage: ({ data }) => envelopes.push(data),
    onRestart: () => {
      envelopes.length = 0;
    },
    onCaughtUp: () => undefined,
  });
  onTestFinished(() => reader.stop());
  return envelopes;
}

function emitterOf(bus: Bus): LogEmitter {
  const emitter = new LogEmitter(bus);
  onTestFinished(() => emitter.close());
  return emitter;
}

const textOf = ({ payload }: LogEnvelope): string => Buffer.from(payload, 'base64').toString();
const line = (sourceId: string, text: string) => ({
  sourceId,
  instanceId: '0',
  sourceType: 'APP/PROC/WEB',
  line: text,
});

test('lines written while NATS is away come later, in their order and before newer ones', async () => {
  const logs = await readLogs();
  const wire = await startWire(nats);
  const bus = await connectTo(nats, 'cell-rep', 'cell-1', undefined, wire.url);
  const emitter = emitterOf(bus);
  const app = randomUUID();
  emitter.emit(line(app, 'before'));
  await eventually(() => logs.map(textOf)).toEqual(['before']);
  wire.cut();
  await eventually(() => bus.connected).toBe(false);
  const expected = ['before', ...Array.from({ length: 500 }, (_, i) => `away ${i}`)];
  for (const text of expected.slice(1)) emitter.emit(line(app, text));
  const reconnected = (async () => {
    for await (const { type } of bus.nc.status()) if (type === 'reconnect') return;
  })();
  wire.mend();
  await reconnected;
  // One more in the moment when the connection is there again and the waiting lines have not been sent.
  emitter.emit(line(app, 'after'));
  await eventually(() => logs.map(textOf)).toEqual([...expected, 'after']);
  const times = logs.map(({ timestamp }) => BigInt(timestamp));
  expect(times).toEqual(times.toSorted((a, b) => (a < b ? -1 : 1)));
});

test('what does not fit while NATS is away leaves one marked line for each instance, with the count', async () => {
  const logs = await readLogs();
  const wire = await startWire(nats);
  const bus = await connectTo(nats, 'cell-rep', 'cell-1', undefined, wire.url);
  const emitter = emitterOf(bus);
  const [flood, quiet] = [randomUUID(), randomUUID()];
  wire.cut();
  await eventually(() => bus.connected).toBe(false);
  for (let i = 0; i < 10_000; i++) emitter.emit(line(flood, `line ${i}`));
  for (let i = 0; i < 3; i++) emitter.emit(line(flood, 'ABCDE'));
  emitter.emit(line(quiet, 'xyz'));
  wire.mend();
  await eventually(() => logs.length).toBe(10_002);
  const marked = logs.filter(({ dropped }) => dropped !== undefined);
  expect(marked.map(({ sourceId, dropped }) => [sourceId, dropped])).toEqual([
    [flood, { lines: 3, bytes: 15 }],
    [quiet, { lines: 1, bytes: 3 }],
  ]);
  expect(marked.map(textOf)[0]).toBe('3 log lines (15 bytes) were dropped while the log stream was unreachable');
  emitter.emit(line(flood, 'on we go'));
  await eventually(() => logs.map(textOf).at(-1)).toBe('on we go');
});

test('few but long lines are bounded too', async () => {
  const logs = await readLogs();
  const wire = await startWire(nats);
  const bus = await connectTo(nats, 'cell-rep', 'cell-1', undefined, wire.url);
  const emitter = emitterOf(bus);
  wire.cut();
  await eventually(() => bus.connected).toBe(false);
  const app = randomUUID();
  const long = 'x'.repeat(60_000);
  for (let i = 0; i < 1_000; i++) emitter.emit(line(app, long));
  wire.mend();
  await eventually(() => logs.at(-1)?.dropped?.lines ?? 0).toBeGreaterThan(0);
  expect(logs.length - 1 + (logs.at(-1)?.dropped?.lines ?? 0)).toBe(1_000);
  expect((logs.length - 1) * 80_000).toBeLessThanOrEqual(16 * 1024 * 1024);
});

test('a line longer than a message comes in pieces that join to it', async () => {
  const logs = await readLogs();
  const emitter = emitterOf(await connectTo(nats, 'cell-rep', 'cell-1'));
  const text = Array.from({ length: 20_000 }, (_, i) => `word${i}`).join(' ');
  const app = randomUUID();
  emitter.emit({ ...line(app, text), timestamp: 1_700_000_000_000_000_000n });
  emitter.emit(line(app, ''));
  await eventually(() => logs.at(-1)?.payload).toBe('');
  const pieces = logs.slice(0, -1);
  expect(pieces.map(textOf).join('')).toBe(text);
  expect(pieces.length).toBe(Math.ceil(text.length / 61_440));
  expect(new Set(pieces.map(({ timestamp }) => timestamp)).size).toBe(pieces.length);
});

test('nanoseconds rise strictly, however fast they are asked for', () => {
  const taken = Array.from({ length: 10_000 }, nowNanoseconds);
  for (const [i, now] of taken.entries()) if (i > 0) expect(now > (taken[i - 1] ?? 0n)).toBe(true);
});
