import { randomUUID } from 'node:crypto';
import { type LogEnvelope, logEnvelope } from '@slipway/contracts';
import { type NatsHandle, startNats } from '@slipway/testing';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { connectTo, eventually, type LogCapture } from './bus.test-support.ts';
import { type Bus, emitMessage, startStreamReader } from './index.ts';

let nats: NatsHandle;
beforeEach(async () => {
  nats = await startNats();
});
afterEach(() => nats.stop());

const app = randomUUID();
const envelope = (n: number): LogEnvelope => ({
  timestamp: String(n),
  sourceId: app,
  instanceId: '0',
  sourceType: 'APP/PROC/WEB',
  stream: 'OUT',
  payload: '',
  tags: {},
});

interface Reading {
  readonly numbers: number[];
  readonly log: string[];
}

function read(bus: Bus, stumblesOver?: number): Reading {
  const reading: Reading = { numbers: [], log: [] };
  const reader = startStreamReader(bus, {
    definition: { ...logEnvelope, stream: 'LOGS' },
    onMessage: ({ data }) => {
      if (Number(data.timestamp) === stumblesOver) throw new Error(`stumbled over ${stumblesOver}`);
      reading.numbers.push(Number(data.timestamp));
    },
    onRestart: () => {
      reading.numbers.length = 0;
      reading.log.push('restart');
    },
    onCaughtUp: () => reading.log.push(`caught up at ${reading.numbers.length}`),
  });
  onTestFinished(() => reader.stop());
  return reading;
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

test('reads what the stream held, says when it has caught up, and follows in order', async () => {
  const writer = await connectTo(nats, 'cell-rep', 'cell-1');
  for (const n of numbers(0, 3_000)) emitMessage(writer, logEnvelope, envelope(n));
  await writer.nc.flush();
  const reading = read(await connectTo(nats, 'log-cache'));
  await eventually(() => reading.log).toEqual(['restart', 'caught up at 3000']);
  for (const n of numbers(3_000, 6_000)) emitMessage(writer, logEnvelope, envelope(n));
  await eventually(() => reading.numbers.length).toBe(6_000);
  expect(reading.numbers).toEqual(numbers(0, 6_000));
});

test('an empty stream is caught up at once', async () => {
  const reading = read(await connectTo(nats, 'log-cache'));
  await eventually(() => reading.log).toEqual(['restart', 'caught up at 0']);
});

test('skips and logs what does not parse, also when it is the last of what the stream held', async () => {
  const capture: LogCapture = { events: [] };
  const writer = await connectTo(nats, 'cell-rep', 'cell-1');
  emitMessage(writer, logEnvelope, envelope(1));
  await writer.js.publish(`log.envelope.${app}`, '{"type":"log.envelope","v":99}');
  await writer.js.publish(`log.envelope.${app}`, 'not JSON');
  const reading = read(await connectTo(nats, 'log-cache', undefined, capture));
  await eventually(() => reading.log).toEqual(['restart', 'caught up at 1']);
  expect(capture.events.filter((event) => event === 'stream-reader.invalid')).toHaveLength(2);
  emitMessage(writer, logEnvelope, envelope(2));
  await eventually(() => reading.numbers).toEqual([1, 2]);
});

test('starts anew after a restart of NATS, and from nothing when the store was lost', async () => {
  const writer = await connectTo(nats, 'cell-rep', 'cell-1');
  for (const n of numbers(0, 100)) emitMessage(writer, logEnvelope, envelope(n));
  await writer.nc.flush();
  const reading = read(await connectTo(nats, 'log-cache'));
  await eventually(() => reading.numbers.length).toBe(100);
  await nats.restart();
  await eventually(() => reading.log).toEqual(['restart', 'caught up at 100', 'restart', 'caught up at 100']);
  await nats.restart({ wipe: true });
  await eventually(() => reading.log.at(-1)).toBe('caught up at 0');
  await eventually(() => writer.ready).toBe(true);
  for (const n of numbers(0, 10)) emitMessage(writer, logEnvelope, envelope(n));
  await eventually(() => reading.numbers).toEqual(numbers(0, 10));
});

test('a message that its reader stumbles over is skipped and logged, not read again for ever', async () => {
  const capture: LogCapture = { events: [] };
  const writer = await connectTo(nats, 'cell-rep', 'cell-1');
  for (const n of numbers(0, 3)) emitMessage(writer, logEnvelope, envelope(n));
  await writer.nc.flush();
  const reading = read(await connectTo(nats, 'log-cache', undefined, capture), 1);
  await eventually(() => reading.log).toEqual(['restart', 'caught up at 2']);
  expect(reading.numbers).toEqual([0, 2]);
  expect(capture.events).toEqual(['stream-reader.handler-failed']);
});
