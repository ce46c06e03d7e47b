import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CollectableLayer, type CollectionState, decideCollection } from './decide-collection.ts';
import { DEFAULT_WATERMARKS, diskMarks, type Watermarks } from './disk-marks.ts';

const watermarks: fc.Arbitrary<Watermarks> = fc.record({
  highPercent: fc.integer({ min: -10, max: 200 }),
  lowPercent: fc.integer({ min: -10, max: 200 }),
  mostFreeBytes: fc.oneof(fc.constant(0), fc.integer({ min: -5, max: 2 ** 45 })),
});

test('whatever the settings are, the marks lie within the disk, and each above the one before', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1_000, max: 2 ** 50 }), watermarks, (capacityBytes, settings) => {
      const { floorBytes, beginBytes, untilBytes } = diskMarks({ capacityBytes, freeBytes: 0 }, settings);
      expect(floorBytes).toBeGreaterThan(0);
      expect(beginBytes).toBeGreaterThan(floorBytes);
      expect(untilBytes).toBeGreaterThan(beginBytes);
      expect(untilBytes).toBeLessThanOrEqual(capacityBytes);
    }),
    { numRuns: 5_000 },
  );
});

test('by default a tenth of a small disk is kept free, and of a large one no more than 20 GiB', () => {
  const GIB = 1024 ** 3;
  expect(diskMarks({ capacityBytes: 50 * GIB, freeBytes: 0 }, DEFAULT_WATERMARKS)).toMatchObject({
    floorBytes: 256 * 1024 ** 2,
    beginBytes: 5 * GIB,
    untilBytes: 10 * GIB,
  });
  const large = diskMarks({ capacityBytes: 4096 * GIB, freeBytes: 0 }, DEFAULT_WATERMARKS);
  expect(Math.round(large.beginBytes / GIB)).toBe(10);
  expect(Math.round(large.untilBytes / GIB)).toBe(20);
});

const layer: fc.Arbitrary<Omit<CollectableLayer, 'name'>> = fc.record({
  bytes: fc.nat(500),
  lastUsedAt: fc.nat(20),
  kept: fc.boolean(),
});
const state: fc.Arbitrary<CollectionState> = fc.record({
  freeBytes: fc.nat(4_000),
  marks: fc.constant(diskMarks({ capacityBytes: 10_000, freeBytes: 0 }, DEFAULT_WATERMARKS)),
  reservedBytes: fc.nat(1_000),
  neededBytes: fc.nat(1_000),
  begun: fc.boolean(),
  layers: fc.array(layer, { maxLength: 30 }).map((all) => all.map((each, i) => ({ ...each, name: `l${i}` }))),
});

test('what is removed is kept by nobody, the least recently used first, and just enough or all there is', () => {
  fc.assert(
    fc.property(state, (at) => {
      const removed = decideCollection(at).map((name) => at.layers.find((each) => each.name === name));
      const room = at.freeBytes - at.reservedBytes - at.neededBytes;
      const { beginBytes, untilBytes } = at.marks;
      if (room >= (at.begun ? untilBytes : beginBytes)) {
        expect(removed).toEqual([]);
        return;
      }
      expect(removed.every((each) => each?.kept === false)).toBe(true);
      const times = removed.map((each) => each?.lastUsedAt ?? Number.NaN);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      const left = at.layers.filter((each) => !each.kept && !removed.includes(each));
      for (const each of left) expect(each.lastUsedAt).toBeGreaterThanOrEqual(times.at(-1) ?? 0);
      const freed = removed.reduce((sum, each) => sum + (each?.bytes ?? 0), 0);
      if (left.length > 0) expect(room + freed).toBeGreaterThanOrEqual(untilBytes);
      const last = removed.at(-1);
      if (last !== undefined) expect(room + freed - last.bytes).toBeLessThan(untilBytes);
    }),
    { numRuns: 1_000 },
  );
});

/** A cell's disk, in bytes of which there are few, run by the decision alone. */
class World {
  readonly capacity = 10_000;
  readonly marks = diskMarks({ capacityBytes: 10_000, freeBytes: 0 }, DEFAULT_WATERMARKS);
  readonly layers = new Map<number, { bytes: number; lastUsedAt: number }>();
  readonly images = new Map<number, readonly number[]>();
  readonly pinned = new Set<number>();
  readonly running = new Map<number, number>();
  leased: readonly number[] = [];
  foreign = 0;
  reserved = 0;
  clock = 0;
  nextLayer = 0;
  collected = 0;

  get free(): number {
    return this.capacity - this.foreign - [...this.layers.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  kept(id: number): boolean {
    const holders = [...this.pinned, ...this.running.keys()];
    return this.leased.includes(id) || holders.some((image) => this.images.get(image)?.includes(id));
  }

  get reclaimable(): number {
    return [...this.layers].reduce((sum, [id, { bytes }]) => sum + (this.kept(id) ? 0 : bytes), 0);
  }

  /** As the collector goes on: a few layers, then another look. */
  collect(neededBytes = 0): void {
    for (let begun = false; ; begun = true) {
      const layers = [...this.layers].map(([id, each]) => ({ name: String(id), ...each, kept: this.kept(id) }));
      const { free: freeBytes, reserved: reservedBytes, marks } = this;
      const batch = decideCollection({ freeBytes, reservedBytes, neededBytes, marks, begun, layers }).slice(0, 2);
      if (batch.length === 0) break;
      for (const name of batch) {
        expect(this.kept(Number(name))).toBe(false);
        this.layers.delete(Number(name));
        this.collected += 1;
      }
    }
  }

  /** Starts an image: fetches what is not here, piece by piece. False when it was refused. */
  start(image: number, sizes: readonly number[], estimate: number): boolean {
    const known = this.images.get(image);
    const ids = known ?? sizes.map(() => this.nextLayer++);
    this.images.set(image, ids);
    this.leased = ids;
    const missing = ids.filter((id) => !this.layers.has(id));
    for (const id of ids) {
      const here = this.layers.get(id);
      if (here !== undefined) here.lastUsedAt = ++this.clock;
    }
    const needed = missing.length * estimate;
    if (this.free - needed < this.marks.floorBytes) this.collect(needed);
    const admitted = this.free - needed >= this.marks.floorBytes;
    // Refused only when all that could go has gone.
    if (!admitted) expect(this.reclaimable).toBe(0);
    const done = admitted && missing.every((id) => this.#fetch(id, sizes[ids.indexOf(id)] ?? 0, estimate));
    this.leased = [];
    this.reserved = 0;
    if (!done) {
      for (const id of missing) this.layers.delete(id);
      return false;
    }
    this.running.set(image, (this.running.get(image) ?? 0) + 1);
    return true;
  }

  #fetch(id: number, size: number, estimate: number): boolean {
    const growing = { bytes: 0, lastUsedAt: ++this.clock };
    this.layers.set(id, growing);
    while (growing.bytes < size) {
      this.reserved = Math.max(0, estimate - growing.bytes);
      this.collect();
      if (this.free < this.marks.floorBytes) {
        expect(this.reclaimable).toBe(0);
        return false;
      }
      // Between two looks at the disk no more is written than there is room below the mark at which collection begins.
      const piece = Math.min(size - growing.bytes, this.marks.beginBytes);
      if (piece > this.free) expect(this.free + this.reclaimable).toBeLessThan(piece);
      if (piece > this.free) return false;
      growing.bytes += piece;
    }
    return true;
  }
}

type Action =
  | { readonly type: 'start'; readonly image: number; readonly sizes: readonly number[]; readonly estimate: number }
  | { readonly type: 'stop' | 'pin' | 'unpin'; readonly image: number }
  | { readonly type: 'foreign'; readonly share: number };

const image = fc.nat(8);
const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({
    type: fc.constant('start' as const),
    image,
    sizes: fc.array(fc.nat(1_500), { minLength: 1, maxLength: 4 }),
    estimate: fc.nat(1_500),
  }),
  fc.record({ type: fc.constantFrom('stop' as const, 'pin' as const, 'unpin' as const), image }),
  fc.record({ type: fc.constant('foreign' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
);

test('over any history of pushes, stops, pins and other use of the disk, no write fails that a removal would have let pass', () => {
  let refused = 0;
  let collected = 0;
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60, size: 'max' }), (history) => {
      const world = new World();
      for (const step of history) {
        if (step.type === 'foreign') {
          // Others take and give back as they like, up to all that is free.
          world.foreign = Math.floor((world.foreign + world.free) * step.share);
          world.collect();
        } else if (step.type === 'start') {
          if (!world.start(step.image, step.sizes, step.estimate)) refused += 1;
        } else if (step.type === 'stop') world.running.delete(step.image);
        else if (step.type === 'pin') world.pinned.add(step.image);
        else world.pinned.delete(step.image);
        for (const running of world.running.keys()) {
          for (const id of world.images.get(running) ?? []) expect(world.layers.has(id)).toBe(true);
        }
        // Whenever nothing waits, the disk is below the high watermark or nobody's layers are left.
        world.collect();
        if (world.reclaimable > 0) expect(world.free).toBeGreaterThanOrEqual(world.marks.beginBytes);
      }
      collected += world.collected;
    }),
    { numRuns: 3_000 },
  );
  // The histories are of the kind that matters.
  expect(refused).toBeGreaterThan(1_000);
  expect(collected).toBeGreaterThan(1_000);
});
