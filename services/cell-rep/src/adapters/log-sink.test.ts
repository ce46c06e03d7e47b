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

const [loud, quiet] = [sampleGuid(1), sampleGuid(2)];
const line = (sourceId: string, text: string): LogLine => ({ sourceId, sourceType: 'APP/PROC/WEB', line: text });

function openSink(linesPerSecond = -1): LogSink {
  const sink = new LogSink({ linesPerSecond });
  onTestFinished(() => sink.close());
  return sink;
}

/** What the stream holds once it holds what is asked for. */
async function readStream(complete: (seen: readonly LogEnvelope[]) => boolean): Promise<LogEnvelope[]> {
  const seen: LogEnvelope[] = [];
  const all = Promise.withResolvers<void>();
  const reader = startStreamReader(await connectAs(nats, 'log-cache'), {
    definition: { ...logEnvelope, stream: 'LOGS' },
    onMessage: ({ data }) => {
      seen.push(data);
      if (complete(seen)) all.resolve();
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

test('lines from before the first connection come in order; for want of room the loud app alone loses some, and is told', async () => {
  const sink = openSink();
  for (let i = 0; i < 1_000; i++) sink.emit(line(loud, `loud ${i} ${'x'.repeat(20_000)}`));
  for (let i = 0; i < 10; i++) sink.emit(line(quiet, `quiet ${i}`));
  sink.attach(await connectAs(nats, 'cell-rep', 'cell-1'));
  const fits = Math.floor((16 * 1024 * 1024) / 20_600);
  const seen = await readStream((all) => all.some(({ dropped }) => dropped !== undefined));
  const of = (sourceId: string): LogEnvelope[] => seen.filter((envelope) => envelope.sourceId === sourceId);
  expect(of(quiet).map(textOf)).toEqual(Array.from({ length: 10 }, (_, i) => `quiet ${i}`));
  const kept = of(loud).slice(0, -1);
  expect(Math.abs(kept.length - fits)).toBeLessThan(10);
  expect(kept.map((envelope) => textOf(envelope).split(' ')[1])).toEqual(kept.map((_, i) => String(i)));
  const gap = of(loud).at(-1);
  expect(gap?.dropped?.lines).toBe(1_000 - kept.length);
  expect(textOf(gap as LogEnvelope)).toContain(`${1_000 - kept.length} log lines`);
  const times = of(loud).map(({ timestamp }) => BigInt(timestamp));
  expect(times.every((time, i) => i === 0 || time > (times[i - 1] ?? 0n))).toBe(true);
});

test('whoever floods waits until NATS has taken it; others do not, and nobody while NATS is away', async () => {
  const sink = openSink();
  sink.attach(await connectAs(nats, 'cell-rep', 'cell-1'));
  const big = line(loud, 'x'.repeat(50_000));
  expect(sink.room(big)).toBeUndefined();
  let emitted = 0;
  while (sink.room(big) === undefined) {
    sink.emit(big);
    emitted++;
  }
  // Two windows' worth are on their way or wait.
  expect(emitted).toBeLessThan(12);
  expect(sink.room(line(quiet, ''))).toBeUndefined();
  await sink.room(big);
  await expect.poll(() => sink.room(big)).toBeUndefined();
  await nats.kill();
  for (let i = 0; i < 25; i++) sink.emit(big);
  await sink.room(big);
  await nats.restart();
});

test('what a whole cell may write is shared: one line comes at once through a flood that takes seconds', async () => {
  const sink = openSink(1_000);
  sink.attach(await connectAs(nats, 'cell-rep', 'cell-1'));
  const [flood, other] = [sampleGuid(3), sampleGuid(4)];
  for (let i = 0; i < 2_000; i++) sink.emit(line(flood, `flood ${i}`));
  sink.emit(line(other, 'here I am'));
  const seen = await readStream((all) => all.some(({ sourceId }) => sourceId === other));
  expect(seen.filter(({ sourceId }) => sourceId === flood).length).toBeLessThan(500);
  // At the end nothing is held back any more.
  await sink.close();
  await readStream((all) => all.filter(({ sourceId }) => sourceId === flood).length === 2_000);
});
