import { type LogLine, startStreamReader } from '@slipway/bus';
import { type LogEnvelope, logEnvelope } from '@slipway/contracts';
import { type NatsHandle, startNats } from '@slipway/testing';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { sampleGuid } from '../domain/samples.test-support.ts';
import { connectAs } from './bus.test-support.ts';
import { LogSink } from './log-sink.ts';

let nats: NatsHandle;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats.stop());

/** Of two apps by turns: the stream keeps 10,000 lines of each. */
const line = (text: string, n = 0): LogLine => ({
  sourceId: sampleGuid(n % 2),
  sourceType: 'APP/PROC/WEB',
  line: text,
});

async function readStream(count: number): Promise<LogEnvelope[]> {
  const seen: LogEnvelope[] = [];
  const all = Promise.withResolvers<void>();
  const reader = startStreamReader(await connectAs(nats, 'log-cache'), {
    definition: { ...logEnvelope, stream: 'LOGS' },
    onMessage: ({ data }) => {
      seen.push(data);
      if (seen.length === count) all.resolve();
    },
    onRestart: () => {
      seen.length = 0;
    },
    onCaughtUp: () => undefined,
  });
  await all.promise;
  reader.stop();
  return seen;
}

const textOf = ({ payload }: LogEnvelope): string => Buffer.from(payload, 'base64').toString();

test('lines from before the first connection come in order, and what did not fit is counted', async () => {
  const sink = new LogSink();
  onTestFinished(() => sink.close());
  for (let i = 0; i < 10_003; i++) sink.emit(line(`line ${i}`, i));
  sink.attach(await connectAs(nats, 'cell-rep', 'cell-1'));
  const seen = await readStream(10_002);
  expect(textOf(seen[0] as LogEnvelope)).toBe('line 0');
  expect(textOf(seen[9_999] as LogEnvelope)).toBe('line 9999');
  expect(seen.slice(10_000).map(({ dropped }) => dropped)).toEqual([
    { lines: 2, bytes: 20 },
    { lines: 1, bytes: 10 },
  ]);
  expect(BigInt(seen[1]?.timestamp ?? 0)).toBeGreaterThan(BigInt(seen[0]?.timestamp ?? 0));
});

test('a flood waits until NATS has taken it, and not at all while NATS is away', async () => {
  const sink = new LogSink();
  onTestFinished(() => sink.close());
  sink.attach(await connectAs(nats, 'cell-rep', 'cell-1'));
  expect(sink.room()).toBeUndefined();
  const big = line('x'.repeat(50_000));
  let emitted = 0;
  while (sink.room() === undefined) {
    sink.emit(big);
    emitted++;
  }
  expect(emitted).toBe(21);
  await sink.room();
  await expect.poll(() => sink.room()).toBeUndefined();
  await nats.kill();
  for (let i = 0; i < 25; i++) sink.emit(big);
  await sink.room();
  await nats.restart();
});
