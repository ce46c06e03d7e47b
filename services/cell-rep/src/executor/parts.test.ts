import { type LogLine, nowNanoseconds } from '@slipway/bus';
import { CodedError } from '@slipway/service-kit';
import { expect, onTestFinished, test } from 'vitest';
import type { HealthLine, HealthPolicy } from '../domain/health-monitor.ts';
import { afterCheck, beginStartup } from '../domain/health-monitor.ts';
import { sampleGuid, sampleLrp } from '../domain/samples.test-support.ts';
import { type HealthLoop, runHealthLoop } from './health-loop.ts';
import { InstanceLog } from './instance-log.ts';
import { Semaphore } from './semaphore.ts';
import { kindOf, withDeadline } from './step.ts';

const nobody = new AbortController().signal;

test('a semaphore lets so many in, in order, and forgets who gave up', async () => {
  const semaphore = new Semaphore(1);
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const giveUp = new AbortController();
  const enter = (name: string, signal = nobody): Promise<void> =>
    semaphore.run(signal, async () => {
      order.push(name);
      if (name === 'first') await gate.promise;
      if (name === 'third') throw new Error('third failed');
    });
  const first = enter('first');
  const second = enter('second', giveUp.signal);
  const third = enter('third');
  const fourth = enter('fourth');
  giveUp.abort(new Error('gave up'));
  await expect(second).rejects.toThrow('gave up');
  expect(order).toEqual(['first']);
  gate.resolve();
  await first;
  await expect(third).rejects.toThrow('third failed');
  await fourth;
  expect(order).toEqual(['first', 'third', 'fourth']);
});

test('a step that takes too long is told so, waited for, and fails with its deadline', async () => {
  let undone = false;
  const slow = withDeadline('the step', 10, nobody, async (signal) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    undone = true;
    throw new Error('interrupted');
  });
  await expect(slow).rejects.toMatchObject({ code: 'REP_STEP_TIMEOUT', kind: 'timeout' });
  expect(undone).toBe(true);
});

test('an aborted step fails with the reason of the abort, and an own failure with its error', async () => {
  const abort = new AbortController();
  const step = withDeadline('the step', 60_000, abort.signal, async (signal) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    throw new Error('interrupted');
  });
  abort.abort(new Error('stopped'));
  await expect(step).rejects.toThrow('stopped');
  await expect(withDeadline('it', 60_000, nobody, () => Promise.reject(new Error('own')))).rejects.toThrow('own');
});

test('the kind of an error is that of its deepest cause', () => {
  const inner = new CodedError('A', 'not-found', 'no such layer');
  expect(kindOf(new CodedError('B', 'unavailable', 'could not fetch', { cause: inner }))).toBe('not-found');
  expect(kindOf(new Error('plain'))).toBe('internal');
});

test('the health loop becomes healthy, goes on checking, and ends with the first failure', async () => {
  const policy: HealthPolicy = { startTimeoutMs: 60_000, intervalMs: 1, invocationTimeoutMs: 1_000 };
  const results = ['refused', 'refused', undefined, undefined, 'gone'];
  const lines: HealthLine[] = [];
  const healthy: number[] = [];
  const now = performance.now();
  const cause = await runHealthLoop(
    beginStartup(now, now, policy),
    {
      after: (state, error, at) => afterCheck(state, error, at, policy),
      check: async () => results.shift(),
      explain: async () => '(at 8080)',
      onLines: (more) => lines.push(...more),
      onHealthy: async () => {
        healthy.push(results.length);
      },
    },
    nobody,
  );
  expect(cause).toEqual({ phase: 'run', unhealthy: 'Liveness check unsuccessful: gone (at 8080)' });
  expect(healthy).toEqual([2]);
  expect(lines.map(({ text }) => text)).toEqual([
    'Starting health monitoring of container',
    'Container became healthy',
    'Liveness check unsuccessful: gone (at 8080)',
    'Container became unhealthy',
  ]);
});

test('an aborted health loop says nothing more', async () => {
  const policy: HealthPolicy = { startTimeoutMs: 60_000, intervalMs: 60_000, invocationTimeoutMs: 1_000 };
  const abort = new AbortController();
  const now = performance.now();
  const loop: HealthLoop = {
    after: (state, error, at) => afterCheck(state, error, at, policy),
    explain: async () => '',
    check: async () => undefined,
    onLines: () => undefined,
    onHealthy: async () => abort.abort(),
  };
  expect(await runHealthLoop(beginStartup(now, now, policy), loop, abort.signal)).toBeUndefined();
});

test('lines carry the app, the instance and who speaks; the rate holds only for the app', () => {
  const lines: LogLine[] = [];
  const lrp = sampleLrp();
  const sidecars = [{ name: 'proxy', argv: ['x'], environment: {}, sourceType: 'APP/PROC/WEB/SIDECAR/PROXY' }];
  const limited = { ...lrp, sidecars, resources: { ...lrp.resources, logRateBytesPerSecond: 9 } };
  const instance = { cellId: 'cell-1', instanceGuid: sampleGuid(1), index: 2, lrp: () => limited };
  const log = new InstanceLog(instance, { bytesPerSecond: -1, linesPerSecond: -1 }, (line) => lines.push(line));
  onTestFinished(() => log.close());
  const write = (text: string): void =>
    log.app({ stream: 'OUT', bytes: Buffer.from(text), timestampNs: nowNanoseconds() });
  log.cell('creating container for instance');
  log.app({ sidecar: 'proxy', stream: 'ERR', bytes: Buffer.from('from'), timestampNs: nowNanoseconds() });
  write('hello');
  write('');
  write('world');
  write('again');
  log.health([{ source: 'HEALTH', stream: 'ERR', text: 'refused' }]);
  log.cell('failed to create container for instance', 'ERR', 'no address');
  log.aside('Exit status 0');
  log.close();
  expect(lines.map(({ sourceType, stream, line }) => [sourceType, stream, line.toString()])).toEqual([
    ['CELL', 'OUT', `Cell cell-1 creating container for instance ${sampleGuid(1)}`],
    ['APP/PROC/WEB/SIDECAR/PROXY', 'ERR', 'from'],
    ['APP/PROC/WEB', 'OUT', 'hello'],
    ['APP/PROC/WEB', 'ERR', 'app instance exceeded log rate limit (9 bytes/sec)'],
    ['HEALTH', 'ERR', 'refused'],
    ['CELL', 'ERR', `Cell cell-1 failed to create container for instance ${sampleGuid(1)}: no address`],
    ['APP/PROC/WEB', 'OUT', 'Exit status 0'],
    ['APP/PROC/WEB', 'ERR', '2 log lines (10 bytes) were dropped: app instance exceeded log rate limit (9 bytes/sec)'],
  ]);
  expect(lines[1]).toMatchObject({
    sourceId: limited.log.sourceId,
    instanceId: '2',
    tags: { app_name: 'dora', instance_id: '2', process_instance_id: sampleGuid(1) },
  });
  const times = lines.map(({ timestamp }) => timestamp as bigint);
  expect(times.every((time, i) => i === 0 || time > (times[i - 1] as bigint))).toBe(true);
  expect(lines.at(-1)?.dropped).toEqual({ lines: 2, bytes: 10 });
  expect(log.bytes).toBe(9);
});
