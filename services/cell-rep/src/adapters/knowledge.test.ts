import { KvStore } from '@slipway/bus';
import { buckets, jetStreamPrefix, keys } from '@slipway/contracts';
import { type NatsHandle, startNats } from '@slipway/testing';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import {
  sampleGuid,
  sampleInstance,
  sampleLrp,
  samplePlacement,
  sampleProcessGuid,
} from '../domain/samples.test-support.ts';
import { connectAs } from './bus.test-support.ts';
import { Knowledge } from './knowledge.ts';

let nats: NatsHandle;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats.stop());

test('knows what is placed on this cell, what was deleted, and how far to trust it', async () => {
  const scheduler = await connectAs(nats, 'scheduler');
  const controller = await connectAs(nats, 'cloud-controller');
  const placements = await KvStore.open(scheduler, buckets.placements);
  const leases = await KvStore.open(scheduler, buckets.leases);
  const desired = await KvStore.open(controller, buckets.desiredLrps);
  const place = (n: number, cellId = 'cell-1'): Promise<number> =>
    placements.put(keys.placed(cellId, sampleGuid(n)), samplePlacement(n, { cellId }));
  await place(1);
  await place(2, 'cell-2');
  await place(3);
  await placements.delete(keys.placed('cell-1', sampleGuid(3)));
  await desired.put(keys.desiredLrp(sampleProcessGuid(1)), sampleLrp());

  let changes = 0;
  const knowledge = new Knowledge('cell-1', () => changes++);
  onTestFinished(() => knowledge.close());
  expect(knowledge.read(performance.now())).toMatchObject({ placementsFresh: false, domainFresh: false });
  const cell = await connectAs(nats, 'cell-rep', 'cell-1');
  const records = await KvStore.open(cell, buckets.instances);
  await records.put(keys.instance('cell-1', sampleGuid(1)), sampleInstance(1));
  await knowledge.attach(cell);

  const known = knowledge.read(performance.now());
  expect([...known.placements.keys()]).toEqual([sampleGuid(1)]);
  expect(known.lrps.get(sampleProcessGuid(1))).toEqual(sampleLrp());
  expect(known.lrps.get(sampleProcessGuid(2))).toBeUndefined();
  expect([...known.records.keys()]).toEqual([sampleGuid(1)]);
  expect(known).toMatchObject({
    placementsFresh: true,
    recordsFresh: true,
    // Cloud Controller has not said that this is all, and there is no scheduler.
    domainFresh: false,
    schedulerActive: false,
  });
  expect(knowledge.placementDeleted(sampleGuid(3))).toBe(true);
  expect(knowledge.placementDeleted(sampleGuid(1))).toBe(false);

  const renewedAt = new Date().toISOString();
  await leases.put(keys.schedulerLease, { v: 1, holder: 'one', epoch: 1, renewedAt });
  await desired.put(keys.domain('cf-apps'), {
    v: 1,
    domain: 'cf-apps',
    refreshedAt: renewedAt,
    ttlMs: 60_000,
    lrpCount: 1,
  });
  const now = (): number => performance.now();
  await expect.poll(() => knowledge.read(now())).toMatchObject({ domainFresh: true, schedulerActive: true });
  expect(knowledge.read(now() + 60_001)).toMatchObject({ domainFresh: false, schedulerActive: false });

  // What is of another cell's does not wake this one.
  const asleep = changes;
  const foreign = sampleLrp({ processGuid: sampleProcessGuid(2) });
  await desired.put(keys.desiredLrp(foreign.processGuid), foreign);
  await expect.poll(() => knowledge.read(now()).lrps.get(foreign.processGuid)).toBeDefined();
  expect(changes).toBe(asleep);
  await desired.put(keys.desiredLrp(sampleProcessGuid(1)), sampleLrp({ instances: 2 }));
  await expect.poll(() => changes).toBe(asleep + 1);

  const before = changes;
  await placements.delete(keys.placed('cell-1', sampleGuid(1)));
  await expect.poll(() => knowledge.placementDeleted(sampleGuid(1))).toBe(true);
  expect(changes).toBeGreaterThan(before);

  await place(4);
  await expect.poll(() => knowledge.read(now()).placements.has(sampleGuid(4))).toBe(true);
  await nats.restart({ wipe: true });
  await expect
    .poll(() => knowledge.read(now()), { timeout: 20_000 })
    .toMatchObject({ placements: new Map(), placementsFresh: true, domainFresh: false });
  // Lost is not deleted.
  expect(knowledge.placementDeleted(sampleGuid(4))).toBe(false);
});

test('a placement that does not parse makes the view incomplete', async () => {
  const scheduler = await connectAs(nats, 'scheduler');
  const knowledge = new Knowledge('cell-2', () => undefined);
  onTestFinished(() => knowledge.close());
  await knowledge.attach(await connectAs(nats, 'cell-rep', 'cell-2'));
  expect(knowledge.read(performance.now()).placementsFresh).toBe(true);
  await scheduler.js.publish(`${jetStreamPrefix}.$KV.placements.${keys.placed('cell-2', sampleGuid(1))}`, '{"v":2}');
  await expect.poll(() => knowledge.read(performance.now()).placementsFresh).toBe(false);
});
