import { randomUUID } from 'node:crypto';
import { keys } from '@slipway/contracts';
import { createLogger, loadConfig } from '@slipway/service-kit';
import type { NatsHandle } from '@slipway/testing';
import { expect, test } from 'vitest';
import { createApp, type SchedulerApp } from './app.ts';
import { type Ending, startCluster } from './cluster.test-support.ts';
import { configSchema } from './config.ts';
import { cell, crashedOf, guid, instanceOf, lrp, placement } from './domain/model.test-support.ts';

async function startScheduler(nats: NatsHandle, ending: Ending, capture?: string[]): Promise<SchedulerApp> {
  const config = loadConfig('scheduler', configSchema, {
    NATS_URL: nats.url,
    NATS_USER: 'scheduler',
    NATS_PASSWORD: nats.password('scheduler'),
  });
  const logger =
    capture === undefined
      ? createLogger('scheduler', 'silent')
      : createLogger('scheduler', 'info', {
          write: (line) => void capture.push((JSON.parse(line) as { msg: string }).msg),
        });
  const app = createApp(config, { logger });
  ending.onTestFinished(() => app.stop());
  await app.start();
  return app;
}

async function page(app: SchedulerApp, path: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${app.healthPort}${path}`);
  return `${response.status} ${await response.text()}`;
}

test.concurrent('a desired LRP goes in, placements come out; fewer are asked for, extra ones go; none, all go', async (ending) => {
  const { nats, others, eventually } = await startCluster(ending);
  await startScheduler(nats, ending);
  await others.desire(lrp(1, { instances: 3 }));
  await eventually(() => others.picture()).toHaveLength(3);
  expect((await others.placed()).map(({ index }) => index).toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
  await others.runAll();
  await others.desire(lrp(1, { instances: 1 }));
  await eventually(() => others.picture()).toHaveLength(1);
  // Without a fresh domain the absence of an LRP says nothing.
  await others.desired.delete(keys.desiredLrp(lrp(1).processGuid));
  await others.desire(lrp(2));
  await eventually(() => others.picture()).toHaveLength(2);
  await others.refreshDomain();
  await eventually(() => others.placed()).toMatchObject([{ processGuid: lrp(2).processGuid }]);
});

test.concurrent('crashed instances are placed anew twice, then wait', async (ending) => {
  const { nats, others, eventually } = await startCluster(ending);
  await startScheduler(nats, ending);
  await others.desire(lrp(1));
  for (const crashCount of [0, 1, 2]) {
    await eventually(() => others.placed()).toMatchObject([{ crashCount }]);
    for (const placed of await others.placed()) await others.report(crashedOf(placed));
  }
  await eventually(() => others.records()).toMatchObject([
    { kind: 'unplaced', state: 'CRASHED', crashCount: 3, crashReason: 'Exited with status 1' },
  ]);
});

test.concurrent('what finds no room says why, and is placed when a cell with room comes', async (ending) => {
  const { nats, others, eventually } = await startCluster(ending);
  await startScheduler(nats, ending);
  await others.desire(lrp(1, { memoryMb: 1_500 }));
  await eventually(() => others.records()).toMatchObject([{ placementError: 'insufficient resources: memory' }]);
  await others.present(cell('cell-3', { capacity: { memoryMb: 2_000, diskMb: 1_000, containers: 10 } }));
  await eventually(() => others.picture()).toEqual(['0 cell-3']);
});

test.concurrent('a cell that falls silent loses its instances only when their replacements run', async (ending) => {
  const { nats, others, eventually } = await startCluster(ending);
  await startScheduler(nats, ending);
  await others.desire(lrp(1, { instances: 2 }));
  await eventually(() => others.picture()).toEqual(['0 cell-1', '1 cell-2']);
  await others.runAll();
  others.silence('cell-2');
  await eventually(() => others.picture()).toEqual(['0 cell-1', '1 cell-1', '1 cell-2']);
  await others.runAll();
  await eventually(() => others.picture()).toEqual(['0 cell-1', '1 cell-1']);
});

test.concurrent('a restart of NATS moves and doubles nothing, and what is desired meanwhile is placed', async (ending) => {
  const { nats, others, eventually } = await startCluster(ending);
  const app = await startScheduler(nats, ending);
  await others.desire(lrp(1, { instances: 2 }));
  await eventually(() => others.picture()).toHaveLength(2);
  await others.runAll();
  const before = await others.records();
  await nats.kill();
  await eventually(() => page(app, '/readyz')).toBe('503 not ready: NATS: not connected\n');
  await nats.restart();
  await eventually(() => others.bus.ready).toBe(true);
  await others.desire(lrp(2));
  await eventually(() => others.placed()).toHaveLength(3);
  expect((await others.records()).filter(({ processGuid }) => processGuid === lrp(1).processGuid)).toEqual(before);
  await eventually(() => page(app, '/readyz')).toBe('200 ready\n');
});

test.concurrent('after the store was lost, what runs is adopted under its own guid, and only what does not run is started', async (ending) => {
  const { nats, others, eventually } = await startCluster(ending);
  const log: string[] = [];
  await startScheduler(nats, ending, log);
  await others.desire(lrp(1, { instances: 3 }));
  await eventually(() => others.placed()).toHaveLength(3);
  await others.runAll();
  const before = await others.placed();
  const [lost, ...running] = before.toSorted((a, b) => b.index - a.index);

  await nats.restart({ wipe: true });
  await eventually(() => others.bus.ready).toBe(true);
  // Cloud Controller is back first; the scheduler knows what is missing, and that it may run.
  await others.desire(lrp(1, { instances: 3 }));
  await others.refreshDomain();
  await eventually(() => log).toContain('placements.lost');
  const [first, second] = running;
  for (const [placed, presence] of [
    [first, cell('cell-1')],
    [second, cell('cell-2')],
  ] as const) {
    if (placed === undefined) throw new Error('expected three placements');
    await others.report(instanceOf(placed));
    await others.present(presence);
  }
  await eventually(() => others.placed()).toHaveLength(3);
  const after = await others.placed();
  const identity = ({ instanceGuid, cellId, index }: (typeof after)[number]) => ({ instanceGuid, cellId, index });
  expect(after.map(identity)).toEqual(expect.arrayContaining(running.map(identity)));
  expect(after.map(({ instanceGuid }) => instanceGuid)).not.toContain(lost?.instanceGuid);
  expect(log.filter((event) => event === 'lrp.adopt')).toHaveLength(2);
  expect(log.filter((event) => event === 'lrp.start')).toHaveLength(4);
});

test.concurrent('a running instance that nobody wants gets a deletion marker, which tells its cell to stop it', async (ending) => {
  const { nats, others, eventually } = await startCluster(ending);
  await startScheduler(nats, ending);
  await others.desire(lrp(1));
  await eventually(() => others.placed()).toHaveLength(1);
  await others.runAll();
  const stray = instanceOf(placement(1, 0, 'cell-1', { instanceGuid: randomUUID() }));
  await others.report(stray);
  const subject = `$KV.placements.${keys.placed('cell-1', stray.instanceGuid)}`;
  await eventually(async () => {
    const found = await others.bus.jsm.streams.getMessage('KV_placements', { last_by_subj: subject });
    return found?.header.get('KV-Operation');
  }).toBe('DEL');
});

test.concurrent('records that do not parse are survived: the rest is placed, and what they hide is not stopped', async (ending) => {
  const { nats, others, eventually } = await startCluster(ending);
  await startScheduler(nats, ending);
  await others.refreshDomain();
  await others.desire(lrp(1));
  await eventually(() => others.placed()).toHaveLength(1);
  await others.runAll();
  await others.bus.js.publish(`$KV.desired-lrps.${keys.desiredLrp(lrp(1).processGuid)}`, '{"v":1,"instances":0}');
  await others.bus.js.publish(`$KV.instances.${keys.instance('cell-1', guid(5))}`, 'not JSON');
  await others.desire(lrp(2));
  await eventually(() => others.placed()).toHaveLength(2);
  await others.desired.delete(keys.desiredLrp(lrp(1).processGuid));
  await eventually(() => others.placed()).toMatchObject([{ processGuid: lrp(2).processGuid }]);
});

test.concurrent('metrics tell who leads, what is placed and what waits', async (ending) => {
  const { nats, others, eventually } = await startCluster(ending);
  const app = await startScheduler(nats, ending);
  await others.desire(lrp(1, { instances: 2 }));
  await others.desire(lrp(2, { memoryMb: 5_000 }));
  await eventually(() => others.records()).toHaveLength(3);
  const text = await page(app, '/metrics');
  for (const line of [
    /^slipway_scheduler_leader\{.*\} 1$/m,
    /^slipway_scheduler_placements\{.*\} 2$/m,
    /^slipway_scheduler_unplaced\{state="UNCLAIMED",.*\} 1$/m,
    /^slipway_scheduler_changes_total\{reason="start",.*\} 2$/m,
    /^slipway_scheduler_cells\{status="available",.*\} 2$/m,
    /^slipway_scheduler_passes_total\{result="complete",.*\} \d+$/m,
    /^slipway_scheduler_decide_seconds_count\{.*\} \d+$/m,
  ]) {
    expect(text).toMatch(line);
  }
  expect(await page(app, '/healthz')).toBe('200 ok\n');
  expect(await page(app, '/readyz')).toBe('200 ready\n');
});
