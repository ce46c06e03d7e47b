import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { MemberCell } from './keepers.ts';
import { type Membership, nextMembership, SETTLE_MS } from './membership.ts';
import { pinsMeanwhile, planImages, type Wanted } from './plan-images.ts';
import { sampleGuid, sampleLrp } from './samples.test-support.ts';

function cell(cellId: string): MemberCell {
  const platform = { os: 'linux', architecture: 'amd64' };
  return { cellId, platform, placementTags: [], optionalPlacementTags: [] };
}
function wanted(n: number, changes: { current?: boolean; copied?: boolean } = {}): Wanted {
  const { app, image } = sampleLrp();
  const copy = { registry: 'droplets.test', repository: 'dora' };
  return {
    dropletGuid: sampleGuid(n),
    app,
    current: changes.current ?? true,
    image: {
      ...image,
      manifestDigest: `sha256:${n.toString(16).padStart(64, '0')}`,
      ...(changes.copied === true ? { copy } : {}),
    },
    placementTags: [],
  };
}
const guids = (images: readonly Wanted[]): string[] => images.map(({ dropletGuid }) => dropletGuid);
const present = (ids: readonly string[], now = 0, before: Membership = new Map()): Membership =>
  nextMembership(before, ids.map(cell), now);
const cellOf = (cellId: string, dropletRegistry?: string) => ({ cellId, dropletRegistry });
const many = Array.from({ length: 200 }, (_, n) => wanted(n));

test('one cell, and each of two, keeps and fetches everything, what is current first', () => {
  const images = [wanted(1, { current: false }), wanted(2), wanted(3)];
  for (const cells of [['a'], ['a', 'b']]) {
    for (const id of cells) {
      const plan = planImages(images, present(cells), cellOf(id), 0);
      expect(guids(plan.pins)).toEqual([sampleGuid(2), sampleGuid(3), sampleGuid(1)]);
      expect(plan.fetch).toEqual(plan.pins);
    }
  }
});

test('of more cells, two keep each image', () => {
  const members = present(['a', 'b', 'c', 'd']);
  const kept = ['a', 'b', 'c', 'd'].flatMap((id) => guids(planImages(many, members, cellOf(id), 0).fetch));
  for (const { dropletGuid } of many) expect(kept.filter((guid) => guid === dropletGuid)).toHaveLength(2);
});

test('what the platform’s own registry has is fetched when it is needed, and kept while it is current', () => {
  const images = [wanted(1, { copied: true }), wanted(2, { copied: true, current: false })];
  const plan = planImages(images, present(['a']), cellOf('a', 'droplets.test'), 0);
  expect(plan.fetch).toEqual([]);
  expect(guids(plan.pins)).toEqual([sampleGuid(1)]);
});

test('a copy in a registry that is not the platform’s any more spares no cell anything', () => {
  const images = [wanted(1, { copied: true }), wanted(2, { copied: true, current: false })];
  for (const registry of [undefined, 'others.test']) {
    const plan = planImages(images, present(['a']), cellOf('a', registry), 0);
    expect(guids(plan.fetch)).toEqual([sampleGuid(1), sampleGuid(2)]);
    expect(plan.pins).toEqual(plan.fetch);
  }
});

test('a cell that is away for a while keeps its share: nobody copies it anew, until it does not come back', () => {
  const all = present(['a', 'b', 'c']);
  const fetchOf = (members: Membership, now: number): string[] =>
    guids(planImages(many, members, cellOf('a'), now).fetch);
  const away = present(['a', 'b'], 1_000, all);
  expect(fetchOf(away, 1_000)).toEqual(fetchOf(all, 0));
  const back = present(['a', 'b', 'c'], 2_000, away);
  expect(fetchOf(back, 2_000)).toEqual(fetchOf(all, 0));
  const gone = present(['a', 'b'], 1_000 + SETTLE_MS, away);
  expect(fetchOf(gone, 1_000 + SETTLE_MS)).toHaveLength(many.length);
});

test('while a new cell fetches what becomes its own, those that had it hold on to it', () => {
  const two = present(['a', 'b']);
  const three = present(['a', 'b', 'c'], 1_000, two);
  const plan = planImages(many, three, cellOf('a'), 1_000);
  expect(plan.pins).toHaveLength(many.length);
  expect(plan.fetch.length).toBeLessThan(many.length);
  const later = planImages(many, three, cellOf('a'), 1_000 + SETTLE_MS);
  expect(guids(later.pins)).toEqual(guids(later.fetch));
});

test('at any time each image is to be fetched by some cell, and pinned by every cell that fetches it', () => {
  const step = fc.record({
    cells: fc.subarray(['a', 'b', 'c', 'd', 'e'], { minLength: 1 }),
    afterMs: fc.nat({ max: 2 * SETTLE_MS }),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), (steps) => {
      let [members, now]: [Membership, number] = [new Map(), 0];
      for (const { cells, afterMs } of steps) {
        now += afterMs;
        members = present(cells, now, members);
        const plans = ['a', 'b', 'c', 'd', 'e'].map((id) => planImages(many.slice(0, 20), members, cellOf(id), now));
        const fetched = new Set(plans.flatMap(({ fetch }) => guids(fetch)));
        expect(fetched.size).toBe(20);
        for (const { pins, fetch } of plans) expect(guids(pins)).toEqual(expect.arrayContaining(guids(fetch)));
      }
    }),
  );
});

test('while not everything is known nothing is let go of, and what is new is kept too', () => {
  const before = [wanted(1), wanted(2)];
  const pins = pinsMeanwhile(before, [wanted(2, { current: false }), wanted(3)]);
  expect(guids(pins)).toEqual([sampleGuid(1), sampleGuid(3), sampleGuid(2)]);
});
