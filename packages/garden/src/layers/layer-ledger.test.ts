import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type KnownImage, type LayerHold, type LedgerState, layerLedger } from './layer-ledger.ts';

const disk = { capacityBytes: 1_000, freeBytes: 100 };
const ids = fc.subarray(['l0', 'l1', 'l2', 'l3', 'l4', 'l5', 'l6']);
const name = fc.record({
  id: fc.constantFrom('i0', 'i1', 'i2'),
  app: fc.option(fc.record({ guid: fc.constantFrom('a0', 'a1', 'a2') }), { nil: undefined }),
});
const hold: fc.Arbitrary<LayerHold> = fc
  .record({
    by: fc.constantFrom('pin' as const, 'container' as const, 'lease' as const),
    image: name,
    diffIds: ids,
    writableBytes: fc.nat(50),
  })
  .map(({ image: { id, app }, ...rest }) => ({ ...rest, image: app === undefined ? { id } : { id, app } }));
const known: fc.Arbitrary<KnownImage> = fc.record({
  id: fc.constantFrom('i0', 'i1', 'i2', 'i3'),
  apps: fc.subarray(['a0', 'a1', 'a3']),
  diffIds: ids,
});
const state: fc.Arbitrary<LedgerState> = fc.record({
  disk: fc.constant(disk),
  layers: ids.chain((present) =>
    fc.tuple(...present.map((diffId) => fc.nat(1_000).map((bytes) => ({ diffId, bytes })))),
  ),
  holds: fc.array(hold, { maxLength: 8 }),
  known: fc.uniqueArray(known, { selector: ({ id }) => id }),
});

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

test('exclusive, shared and reclaimable bytes are all bytes, by image and by app', () => {
  fc.assert(
    fc.property(state, (at) => {
      const { layers, images, apps } = layerLedger(at);
      expect(layers.sharedBytes + layers.exclusiveBytes + layers.reclaimableBytes).toBe(layers.bytes);
      expect(layers.bytes).toBe(sum(at.layers.map(({ bytes }) => bytes)));
      expect(sum(images.map((image) => image.exclusiveBytes))).toBe(layers.exclusiveBytes);
      // Each image, and each app, counts each of its layers once.
      for (const image of images) {
        const own = new Set([
          ...at.holds.filter((each) => each.image.id === image.id).flatMap(({ diffIds }) => diffIds),
          ...at.known.filter(({ id }) => id === image.id).flatMap(({ diffIds }) => diffIds),
        ]);
        const bytes = sum(at.layers.filter(({ diffId }) => own.has(diffId)).map((layer) => layer.bytes));
        expect(image.sharedBytes + image.exclusiveBytes + image.reclaimableBytes).toBe(bytes);
      }
      const held = new Set(at.holds.flatMap(({ diffIds }) => diffIds));
      const heldBytes = sum(at.layers.filter(({ diffId }) => held.has(diffId)).map((layer) => layer.bytes));
      expect(layers.reclaimableBytes).toBe(layers.bytes - heldBytes);
      // What apps have alone and, once, what several have, is what is held.
      const several = at.layers.filter(({ diffId }) => {
        const guids = at.holds.filter(({ diffIds }) => diffIds.includes(diffId)).map(({ image }) => image.app?.guid);
        return new Set(guids).size > 1;
      });
      expect(sum(apps.map((app) => app.exclusiveBytes)) + sum(several.map(({ bytes }) => bytes))).toBe(heldBytes);
    }),
    { numRuns: 1_000 },
  );
});

test('an image that nobody keeps says what could be had of it, and what stays for others', () => {
  const app = { guid: 'app', name: 'shop' };
  const ledger = layerLedger({
    disk,
    layers: [
      { diffId: 'base', bytes: 100 },
      { diffId: 'old', bytes: 10 },
      { diffId: 'new', bytes: 20 },
    ],
    holds: [
      { by: 'pin', image: { id: 'v2', reference: 'shop:2', app }, current: true, diffIds: ['base', 'new'] },
      { by: 'container', image: { id: 'v2', app }, diffIds: ['base', 'new'], writableBytes: 7 },
    ],
    known: [{ id: 'v1', reference: 'shop:1', apps: ['app'], diffIds: ['base', 'old'] }],
  });
  expect(ledger.layers).toEqual({
    count: 3,
    bytes: 130,
    sharedBytes: 0,
    exclusiveBytes: 120,
    reclaimableBytes: 10,
    pinnedBytes: 120,
    inUseBytes: 120,
    leasedBytes: 0,
  });
  expect(ledger.images).toMatchObject([
    { id: 'v2', reference: 'shop:2', pinned: true, current: true, containers: 1, exclusiveBytes: 120, layers: 2 },
    { id: 'v1', pinned: false, containers: 0, sharedBytes: 100, reclaimableBytes: 10, apps: ['app'] },
  ]);
  expect(ledger.apps).toEqual([
    {
      guid: 'app',
      name: 'shop',
      images: ['v2', 'v1'],
      containers: 1,
      writableBytes: 7,
      sharedBytes: 0,
      exclusiveBytes: 120,
      reclaimableBytes: 10,
    },
  ]);
});
