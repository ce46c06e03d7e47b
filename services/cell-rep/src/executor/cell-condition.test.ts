import { CodedError, createLogger } from '@slipway/service-kit';
import { expect, onTestFinished, test } from 'vitest';
import { CellCondition } from './cell-condition.ts';

const logger = createLogger('test', 'silent');

/** A condition whose disk and probe the test decides on; `said` is what the cell was told to say. */
function condition(given: { disk?: string | undefined; probe?: Error | undefined; intervalMs?: number }) {
  const said: (string | undefined)[] = [];
  let probes = 0;
  const made: CellCondition = new CellCondition({
    check: async () => given.disk,
    probe: async () => {
      probes++;
      if (given.probe !== undefined) throw given.probe;
    },
    onChange: () => said.push(made.reason),
    logger,
    intervalMs: given.intervalMs ?? 60_000,
  });
  onTestFinished(() => made.stop());
  return { made, said, probes: () => probes };
}

const own = new CodedError('RUNTIME_FAILED', 'internal', 'runc failed');

test('a probe is made at the start, and after two failures in a row that may be the cell’s own', async () => {
  const { made, said, probes } = condition({});
  await made.start();
  await expect.poll(probes).toBe(1);
  made.failed('create', own);
  made.succeeded('start');
  made.failed('create', own);
  made.failed('delete', own);
  expect(probes()).toBe(1);
  made.failed('start', own);
  await expect.poll(probes).toBe(2);
  // It passed, so it was what the cell had been asked to run.
  expect(said).toEqual([]);
});

test('one that fails makes the cell unhealthy until one passes, and nothing else makes it healthy', async () => {
  const given: Parameters<typeof condition>[0] = { probe: own, intervalMs: 5 };
  const { made, said, probes } = condition(given);
  await made.start();
  await expect.poll(() => said).toEqual(['no container can be made: runc failed']);
  made.succeeded('start');
  expect(made.reason).toBeDefined();
  const before = probes();
  await expect.poll(probes).toBeGreaterThan(before);
  given.probe = undefined;
  await expect.poll(() => said).toEqual(['no container can be made: runc failed', undefined]);
});

test('a full disk is told before any probe, and one that has room again is tried', async () => {
  const given: Parameters<typeof condition>[0] = { disk: 'the disk is full', intervalMs: 5 };
  const { made, said, probes } = condition(given);
  await made.start();
  expect(said).toEqual(['the disk is full']);
  expect(probes()).toBe(0);
  given.disk = undefined;
  await expect.poll(() => said.at(-1)).toBeUndefined();
  expect(probes()).toBeGreaterThan(0);
});

test('a cell whose addresses are all taken is healthy', async () => {
  const { made, said, probes } = condition({ probe: new CodedError('CELL_FULL', 'exhausted', 'all are in use') });
  await made.start();
  await expect.poll(probes).toBe(1);
  expect(said).toEqual([]);
});
