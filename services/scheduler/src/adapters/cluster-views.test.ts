import { type Bus, connectService } from '@slipway/bus';
import { busAccess, keys } from '@slipway/contracts';
import { createLogger, Secret } from '@slipway/service-kit';
import type { NatsHandle } from '@slipway/testing';
import { expect, test } from 'vitest';
import { type Ending, startCluster } from '../cluster.test-support.ts';
import { cell, instanceOf, lrp, placement, unplaced } from '../domain/model.test-support.ts';
import { ClusterViews } from './cluster-views.ts';

interface Opened {
  readonly bus: Bus;
  readonly views: ClusterViews;
  readonly changes: () => number;
}

async function open(nats: NatsHandle, { onTestFinished }: Ending): Promise<Opened> {
  const logger = createLogger('scheduler', 'silent');
  const bus = await connectService(busAccess('scheduler'), {
    config: { NATS_URL: nats.url, NATS_USER: 'scheduler', NATS_PASSWORD: new Secret(nats.password('scheduler')) },
    source: 'scheduler',
    logger,
  });
  let changes = 0;
  const views = await ClusterViews.open(bus, { logger, onChange: () => changes++ });
  onTestFinished(async () => {
    views.close();
    await bus.close();
  });
  return { bus, views, changes: () => changes };
}

const now = (): number => performance.now();

test.concurrent('what no decision depends on is no reason for one', async (ending) => {
  const { nats, others } = await startCluster(ending);
  others.silence('cell-1');
  others.silence('cell-2');
  const placed = placement(1, 0, 'cell-1');
  await others.report(instanceOf(placed, { state: 'CLAIMED', phase: 'pulling' }));
  const { views, changes } = await open(nats, ending);
  const expectChanges = async (expected: number, write: () => Promise<unknown>): Promise<void> => {
    const before = changes();
    await write();
    expect(await views.catchUp()).toBe(true);
    expect(changes() - before).toBe(expected);
  };
  const presence = cell('cell-1');
  // The first after a snapshot may be another than the one in it.
  await others.cells.put('cell-1', presence);
  await others.report(instanceOf(placed, { state: 'CLAIMED', phase: 'creating' }));
  expect(await views.catchUp()).toBe(true);
  await expectChanges(0, () =>
    others.cells.put('cell-1', { ...presence, renewedAt: '2026-07-01T00:00:00.000Z', starting: 3 }),
  );
  await expectChanges(1, () => others.cells.put('cell-1', { ...presence, healthy: false }));
  await expectChanges(1, () => others.cells.put('cell-9', cell('cell-9')));
  await expectChanges(1, () => others.cells.delete('cell-9'));
  await expectChanges(0, () => others.report(instanceOf(placed, { state: 'CLAIMED', phase: 'starting' })));
  await expectChanges(1, () => others.report(instanceOf(placed)));
  await expectChanges(0, () => others.report(instanceOf(placed, { routable: false })));
  await expectChanges(1, () => others.instances.delete(keys.instance('cell-1', placed.instanceGuid)));
  await expectChanges(1, () => others.desire(lrp(1)));
  await expectChanges(1, () => others.placements.put(keys.placed('cell-1', placed.instanceGuid), placed));
});

test.concurrent('nobody is silent while NATS is away, and silence counts from the next complete view', async (ending) => {
  const { nats, eventually } = await startCluster(ending);
  const { views } = await open(nats, ending);
  const before = views.state(0);
  expect(before.fresh).toBe(true);
  expect(before.silenceCountsFrom).toBeLessThanOrEqual(now());
  expect(views.state(now() + 5_000).silenceCountsFrom).toBeGreaterThan(now());
  await nats.kill();
  await eventually(() => views.state(0).fresh).toBe(false);
  expect(views.state(0).silenceCountsFrom).toBeUndefined();
  expect([...views.state(0).cells.keys()]).toEqual(['cell-1', 'cell-2']);
  await nats.restart();
  const restarted = now();
  await eventually(() => views.state(0).fresh).toBe(true);
  expect(views.state(0).silenceCountsFrom).toBeGreaterThanOrEqual(restarted);
});

test.concurrent('it knows a new bucket, a restarted server and a lost store apart', async (ending) => {
  const { nats, others, eventually } = await startCluster(ending);
  const { views } = await open(nats, ending);
  // Young: it may have been lost a moment ago, and we just started.
  expect(views.state(0).recovery).toMatchObject({ knownCells: [] });
  views.endRecovery();
  await nats.restart();
  await eventually(() => views.fresh).toBe(false);
  await eventually(() => views.fresh).toBe(true);
  expect(views.state(0).recovery).toBeUndefined();
  await eventually(() => others.bus.ready).toBe(true);
  await others.present(cell('cell-1'));
  await others.present(cell('cell-2'));
  expect(await views.catchUp()).toBe(true);
  const lostAt = now();
  await nats.restart({ wipe: true });
  await eventually(() => views.state(0).recovery !== undefined && views.fresh).toBe(true);
  const { recovery } = views.state(0);
  expect(recovery?.knownCells.toSorted()).toEqual(['cell-1', 'cell-2']);
  expect(recovery?.bornAt).toBeGreaterThan(lostAt);
});

test.concurrent('deletion markers go in the end, but not one about an instance that is still there', async (ending) => {
  const { nats, others } = await startCluster(ending);
  const [gone, running] = [placement(1, 0, 'cell-1'), placement(1, 1, 'cell-1')];
  for (const placed of [gone, running]) {
    const key = keys.placed(placed.cellId, placed.instanceGuid);
    await others.placements.put(key, placed);
    await others.placements.delete(key);
  }
  await others.report(instanceOf(running));
  await others.placements.put(keys.unplaced(lrp(1).processGuid, 2), unplaced(1, 2));
  await others.desire(lrp(2));
  await others.desired.delete(keys.desiredLrp(lrp(2).processGuid));
  const { views } = await open(nats, ending);
  expect(await views.compact(3_600_000)).toBe(0);
  expect(await views.compact(0)).toBe(2);
  const { state } = await others.bus.jsm.streams.info('KV_placements', { subjects_filter: '>' });
  expect(Object.keys(state.subjects ?? {}).toSorted()).toEqual([
    `$KV.placements.${keys.placed('cell-1', running.instanceGuid)}`,
    `$KV.placements.${keys.unplaced(lrp(1).processGuid, 2)}`,
  ]);
});
