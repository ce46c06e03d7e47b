import { keys } from '@slipway/contracts';
import { createLogger, loadConfig } from '@slipway/service-kit';
import type { NatsHandle } from '@slipway/testing';
import { expect, test } from 'vitest';
import { createApp, type SchedulerApp } from './app.ts';
import { type Ending, startCluster } from './cluster.test-support.ts';
import { configSchema } from './config.ts';
import { CELL_LOST } from './domain/decide-tasks.ts';
import { cell, guid, task } from './domain/model.test-support.ts';

async function startScheduler(nats: NatsHandle, { onTestFinished }: Ending): Promise<SchedulerApp> {
  const config = loadConfig('scheduler', configSchema, {
    NATS_URL: nats.url,
    NATS_USER: 'scheduler',
    NATS_PASSWORD: nats.password('scheduler'),
  });
  const app = createApp(config, { logger: createLogger('scheduler', 'silent') });
  onTestFinished(() => app.stop());
  await app.start();
  return app;
}

test.concurrent('a desired task is given a cell, and what was said of it goes with it', async (ending) => {
  const { nats, others, eventually } = await startCluster(ending);
  await startScheduler(nats, ending);
  await others.desireTask(task(1));
  await eventually(() => others.said(guid(1))).toMatchObject({ kind: 'placed', cellId: 'cell-1' });
  await others.tasks.delete(keys.desiredTask(guid(1)));
  await eventually(() => others.said(guid(1))).toBeUndefined();
});

test.concurrent('a task without room is told so, and placed when a cell with room comes', async (ending) => {
  const { nats, others, eventually } = await startCluster(ending);
  await startScheduler(nats, ending);
  await others.desireTask(task(1, { memoryMb: 1_500 }));
  await eventually(() => others.said(guid(1))).toMatchObject({
    kind: 'refused',
    reason: 'insufficient resources: memory',
    refusals: 1,
  });
  await others.present(cell('cell-3', { capacity: { memoryMb: 2_000, diskMb: 1_000, containers: 10 } }));
  await eventually(() => others.said(guid(1))).toMatchObject({ kind: 'placed', cellId: 'cell-3' });
});

test.concurrent('a task of a cell that falls silent is lost, whoever leads, and its record survives a change of the lead', async (ending) => {
  const { nats, others, eventually } = await startCluster(ending);
  const first = await startScheduler(nats, ending);
  await others.desireTask(task(1, { cellId: 'cell-2' }));
  await others.desireTask(task(2));
  await eventually(() => others.said(guid(2))).toMatchObject({ kind: 'placed', cellId: 'cell-1' });
  const placed = await others.said(guid(2));
  await first.stop();
  others.silence('cell-2');
  await startScheduler(nats, ending);
  await eventually(() => others.said(guid(1))).toMatchObject({ kind: 'failed', reason: CELL_LOST, cellId: 'cell-2' });
  expect(await others.said(guid(2))).toEqual(placed);
});
