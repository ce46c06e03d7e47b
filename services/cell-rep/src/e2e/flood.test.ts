// @module-tag root
import { startStreamReader } from '@slipway/bus';
import { type LogEnvelope, logEnvelope } from '@slipway/contracts';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { connectAs } from '../adapters/bus.test-support.ts';
import { TestCell } from './cell.test-support.ts';

let cell: TestCell;
beforeAll(async () => {
  cell = await TestCell.create();
  await cell.startRep({ env: { CELL_ON_STOP: 'destroy' } });
});
afterAll(() => cell.dispose());

const QUIET_LINES = 150;
const shell = (script: string): { argv: string[] } => ({ argv: ['/bin/sh', '-c', script] });
const noCheck = { type: 'process' } as const;

interface Arrived {
  readonly text: string;
  readonly envelope: LogEnvelope;
  /** From the moment that the rep read it to that when it came out of the stream. */
  readonly delayMs: number;
}

test('every line of a quiet app arrives, and soon, while others write as fast as they can and are told what was dropped', async () => {
  const floods = [];
  for (const text of ['y', 'a line of some length, again and again, as fast as the pipe takes it']) {
    floods.push(await cell.lrp({ action: shell(`exec yes '${text}'`), healthCheck: noCheck }));
  }
  const quiet = await cell.lrp({
    action: shell(`i=0; while [ $i -lt ${QUIET_LINES} ]; do echo "quiet $i"; i=$((i+1)); sleep 0.05; done; sleep 1000`),
    healthCheck: noCheck,
  });
  const arrived = new Map<string, Arrived[]>();
  const all = Promise.withResolvers<void>();
  const reader = startStreamReader(await connectAs(cell.nats, 'log-cache'), {
    definition: { ...logEnvelope, stream: 'LOGS' },
    onMessage: ({ data: envelope }) => {
      const lines = arrived.get(envelope.sourceId) ?? [];
      arrived.set(envelope.sourceId, lines);
      const delayMs = performance.timeOrigin + performance.now() - Number(BigInt(envelope.timestamp) / 1_000n) / 1_000;
      lines.push({ text: Buffer.from(envelope.payload, 'base64').toString(), envelope, delayMs });
      if (lines.at(-1)?.text === `quiet ${QUIET_LINES - 1}`) all.resolve();
    },
    onRestart: () => arrived.clear(),
    onCaughtUp: () => undefined,
  });
  onTestFinished(() => reader.stop());
  for (const lrp of floods) await cell.run(lrp);
  await cell.run(quiet);
  await all.promise;

  const lines = (arrived.get(quiet.app.guid) ?? []).filter(({ text }) => text.startsWith('quiet '));
  expect(lines.map(({ text }) => text)).toEqual(Array.from({ length: QUIET_LINES }, (_, i) => `quiet ${i}`));
  const delays = lines.map(({ delayMs }) => delayMs).toSorted((a, b) => a - b);
  console.log(
    `quiet lines came after ${delays.at(QUIET_LINES / 2)?.toFixed(0)} ms, the slowest after ${delays.at(-1)?.toFixed(0)} ms`,
  );
  for (const { app } of floods) {
    const flood = arrived.get(app.guid) ?? [];
    expect(flood.map(({ text }) => text)).toContain(
      "app instance exceeded the platform's log rate limit (2000 lines/sec)",
    );
    const dropped = flood.filter(({ envelope }) => envelope.dropped !== undefined);
    expect(dropped.length).toBeGreaterThan(0);
    for (const { envelope, text } of dropped) expect(text).toContain(`${envelope.dropped?.lines} log lines`);
  }
});
