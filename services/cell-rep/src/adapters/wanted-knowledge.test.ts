import { readFileSync } from 'node:fs';
import { KvStore } from '@slipway/bus';
import {
  buckets,
  type CellPresence,
  cellPresenceSchema,
  type ImagesFreshness,
  jetStreamPrefix,
  keys,
  type WantedImage,
  wantedImageSchema,
} from '@slipway/contracts';
import { type NatsHandle, startNats } from '@slipway/testing';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { sampleGuid } from '../domain/samples.test-support.ts';
import { connectAs } from './bus.test-support.ts';
import { WantedKnowledge } from './wanted-knowledge.ts';

const patient = { timeout: 30_000 };
const sample = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../../packages/contracts/samples/${name}.json`, import.meta.url), 'utf8'));
const image = (n: number): WantedImage => ({
  ...wantedImageSchema.parse(sample('wanted-image.v1')),
  dropletGuid: sampleGuid(n),
});
const presence = (cellId: string, change: Partial<CellPresence> = {}): CellPresence => ({
  ...cellPresenceSchema.parse(sample('cell-presence.v1')),
  cellId,
  evacuating: false,
  ...change,
});

let nats: NatsHandle;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats.stop());

test('knows what is wanted, and that it is all only with a fresh marker and without a record that does not parse', async () => {
  const controller = await connectAs(nats, 'cloud-controller');
  const store = await KvStore.open<WantedImage | ImagesFreshness>(controller, buckets.wantedImages);
  await store.put(keys.wantedImage(sampleGuid(1)), image(1));
  await store.put(keys.wantedImage(sampleGuid(2)), image(2));
  let changes = 0;
  const knowledge = new WantedKnowledge(() => changes++);
  onTestFinished(() => knowledge.close());
  expect(knowledge.read(performance.now())).toEqual({ images: [], complete: false, cells: undefined });
  await knowledge.attach(await connectAs(nats, 'cell-rep', 'cell-1'));
  const read = (at = performance.now()) => knowledge.read(at);
  const guids = (): string[] =>
    read()
      .images.map(({ dropletGuid }) => dropletGuid)
      .toSorted();
  expect(guids()).toEqual([sampleGuid(1), sampleGuid(2)]);
  expect(read().complete).toBe(false);

  const refreshedAt = new Date().toISOString();
  await store.put(keys.imagesDomain, { v: 1, domain: 'cf-images', refreshedAt, ttlMs: 60_000, imageCount: 2 });
  await expect.poll(() => read().complete, patient).toBe(true);
  expect(read(performance.now() + 60_001).complete).toBe(false);
  // Images share their layers, of which there are few.
  const [one, two] = read().images;
  expect(one?.image.layers).toEqual(image(1).image.layers);
  expect(one?.image.layers[0]).toBe(two?.image.layers[0]);

  controller.nc.publish(`${jetStreamPrefix}.$KV.wanted-images.${keys.wantedImage(sampleGuid(3))}`, '{"v":1}');
  await expect.poll(() => read().complete, patient).toBe(false);
  await store.put(keys.wantedImage(sampleGuid(3)), image(3));
  await expect.poll(() => read().complete, patient).toBe(true);
  const before = changes;
  await store.delete(keys.wantedImage(sampleGuid(1)));
  await expect.poll(guids, patient).toEqual([sampleGuid(2), sampleGuid(3)]);
  expect(changes).toBeGreaterThan(before);
});

test('knows who else is there, but for cells that are being emptied, and hears only of those that come and go', async () => {
  const [one, two] = [await connectAs(nats, 'cell-rep', 'cell-1'), await connectAs(nats, 'cell-rep', 'cell-2')];
  const [cells, others] = [await KvStore.open(one, buckets.cells), await KvStore.open(two, buckets.cells)];
  await cells.put('cell-1', presence('cell-1'));
  let changes = 0;
  const knowledge = new WantedKnowledge(() => changes++);
  onTestFinished(() => knowledge.close());
  await knowledge.attach(one);
  const ids = (): string[] | undefined => knowledge.read(performance.now()).cells?.map(({ cellId }) => cellId);
  expect(ids()).toEqual(['cell-1']);
  await others.put('cell-2', presence('cell-2'));
  await expect.poll(() => ids()?.toSorted(), patient).toEqual(['cell-1', 'cell-2']);
  const before = changes;
  await cells.put('cell-1', presence('cell-1', { starting: 3 }));
  await others.put('cell-2', presence('cell-2', { evacuating: true }));
  await expect.poll(ids, patient).toEqual(['cell-1']);
  expect(changes).toBe(before);
});
