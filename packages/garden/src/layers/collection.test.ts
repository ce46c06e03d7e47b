// @module-tag root
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digests, lateWatermarks, MEBIBYTE, open, pin, store, useParent } from './collection.test-support.ts';
import { type Blob, mountDisk, noise, noiseLayer, registryOf } from './disk.test-support.ts';
import type { UnnamedHold } from './name-hold.ts';

const parent = useParent();

describe('above the high watermark', () => {
  test('the least recently used layers go until the low one is reached, and those in use, leased or pinned stay', async () => {
    const dir = mountDisk(parent(), 40);
    const blobs = ['pinned', 'used', 'leased', 'a', 'b', 'c', 'd'].map((name) => noiseLayer(name, 3 * MEBIBYTE));
    const [pinned, used, leased, a, b, c, d] = blobs as [Blob, Blob, Blob, Blob, Blob, Blob, Blob];
    const filling = await open(dir, { watermarks: lateWatermarks });
    await store(filling, blobs);
    await filling.close();
    const containers: UnnamedHold[] = [{ by: 'container', diffIds: [used.descriptor.diffId] }];
    const keeping = await open(dir, {}, () => containers);
    keeping.setPins([pin([pinned])]);
    const held = await keeping.ensureLayers([leased.descriptor], registryOf([]).fetch);
    // It was the oldest of those that nobody keeps, and is the newest now.
    (await keeping.ensureLayers([a.descriptor], registryOf([]).fetch)).release();
    await keeping.collect();
    // 21 of 40 MB were used; down to a third are 13.
    expect(digests(keeping).toSorted()).toEqual([pinned, used, leased, a].map((x) => x.descriptor.digest).toSorted());
    expect([b, c, d].some(({ descriptor }) => keeping.has(descriptor))).toBe(false);
    expect(readdirSync(join(dir, 'layers')).length).toBe(4);
    expect(readdirSync(join(dir, 'splits')).length).toBe(4);
    expect(readdirSync(join(dir, 'tmp'))).toEqual([]);
    expect(keeping.collections).toMatchObject({ collections: 1, removedLayers: 3, lastError: undefined });
    expect(keeping.collections.removedBytes).toBeGreaterThanOrEqual(9 * MEBIBYTE);
    // What is let go of goes when somebody else fills the disk.
    held.release();
    containers.length = 0;
    writeFileSync(join(dir, '..', 'foreign'), noise(20));
    await keeping.collect();
    expect(digests(keeping)).toEqual([pinned.descriptor.digest]);
    await keeping.close();
  });

  test('what was pinned stays pinned in the next process, before anybody has told it so', async () => {
    const dir = mountDisk(parent(), 20);
    const blobs = ['x', 'y'].map((name) => noiseLayer(name, 4 * MEBIBYTE));
    const [x] = blobs as [Blob, Blob];
    const first = await open(dir, { watermarks: lateWatermarks });
    await store(first, blobs);
    first.setPins([pin([x])]);
    await first.close();
    writeFileSync(join(dir, '..', 'foreign'), noise(8));
    const second = await open(dir);
    await second.collect();
    expect(digests(second)).toEqual([x.descriptor.digest]);
    second.setPins([]);
    await second.collect();
    expect(digests(second)).toEqual([]);
    await second.close();
  });

  test('nothing goes while nobody knows which containers there are', async () => {
    const dir = mountDisk(parent(), 20);
    const blob = noiseLayer('unknown', 4 * MEBIBYTE);
    let known = false;
    const keeping = await open(dir, {}, () => (known ? [] : undefined));
    await store(keeping, [blob]);
    writeFileSync(join(dir, '..', 'foreign'), noise(15));
    await keeping.collect();
    expect(keeping.has(blob.descriptor)).toBe(true);
    known = true;
    await keeping.collect();
    expect(keeping.has(blob.descriptor)).toBe(false);
    await keeping.close();
  });

  test('layers go also from a disk on which not even a directory can be made', async () => {
    const dir = mountDisk(parent(), 20);
    const keeping = await open(dir, {
      onStep: (step) => {
        if (step === 'collect:away') throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
      },
    });
    await store(keeping, [noiseLayer('last', 4 * MEBIBYTE)]);
    writeFileSync(join(dir, '..', 'foreign'), noise(8));
    await keeping.collect();
    for (const place of ['layers', 'splits', 'records', 'tmp']) expect(readdirSync(join(dir, place))).toEqual([]);
    await keeping.close();
  });

  test('a failure is told and does not end the collecting', async () => {
    const dir = mountDisk(parent(), 20);
    const problems: string[] = [];
    let broken = true;
    const keeping = await open(dir, {
      onProblem: (error) => problems.push(error.message),
      onStep: (step) => {
        if (step === 'collect:away' && broken) throw new Error('the disk is read-only');
      },
    });
    await store(keeping, [noiseLayer('stuck', 4 * MEBIBYTE)]);
    writeFileSync(join(dir, '..', 'foreign'), noise(8));
    keeping.watchDisk();
    await expect.poll(() => problems).toEqual(['Layers could not be collected: the disk is read-only']);
    expect(keeping.collections.lastError).toMatchObject({ code: 'LAYER_STORE_FAILED' });
    // It has no record any more, so nobody is given it, and the next collection takes it away.
    expect(keeping.list()).toEqual([]);
    broken = false;
    keeping.setPins([]);
    await expect.poll(() => readdirSync(join(dir, 'layers'))).toEqual([]);
    await keeping.close();
  });
});

test('many who start one image at once have it fetched once, while layers are collected all the time', async () => {
  const dir = mountDisk(parent(), 60);
  const keeping = await open(dir, { watermarks: { highPercent: 10, lowPercent: 5, mostFreeBytes: 2 ** 40 } });
  const image = ['i1', 'i2', 'i3', 'i4'].map((name) => noiseLayer(name, MEBIBYTE));
  const others = ['r1', 'r2', 'r3', 'r4', 'r5', 'r6'].map((name) => noiseLayer(name, MEBIBYTE));
  const { fetch, asked } = registryOf([...image, ...others]);
  const descriptors = image.map(({ descriptor }) => descriptor);
  let done = false;
  const churn = (async (): Promise<void> => {
    while (!done) {
      for (const { descriptor } of others) {
        (await keeping.ensureLayers([descriptor], fetch)).release();
        await keeping.collect();
      }
    }
  })();
  const callers = Array.from({ length: 30 }, async () => await keeping.ensureLayers(descriptors, fetch));
  const all = await Promise.all(callers);
  for (const handles of all) {
    for (const [i, handle] of handles.entries()) {
      expect(existsSync(join(keeping.layersDir, handle.name, `i${i + 1}`))).toBe(true);
    }
  }
  // As long as one of them holds it, it is there for others too, without a request.
  for (const handles of all.slice(1)) handles.release();
  await keeping.collect();
  expect((await keeping.ensureLayers(descriptors, fetch)).every(({ cached }) => cached)).toBe(true);
  for (const { digest } of descriptors) expect(asked.filter((each) => each === digest)).toEqual([digest]);
  done = true;
  await churn;
  expect(keeping.collections.removedLayers).toBeGreaterThan(0);
  await keeping.close();
});

test('layers are counted by what they take on disk, also those of records that do not say it', async () => {
  const dir = mountDisk(parent(), 40);
  const first = await open(dir);
  const blobs = [noiseLayer('m1', 3 * MEBIBYTE), noiseLayer('m2', MEBIBYTE)];
  await store(first, blobs);
  await first.close();
  for (const file of readdirSync(join(dir, 'records'))) {
    const path = join(dir, 'records', file);
    const { diskBytes, ...record } = JSON.parse(readFileSync(path, 'utf8'));
    expect(diskBytes).toBeGreaterThan(MEBIBYTE);
    writeFileSync(path, JSON.stringify(record));
  }
  const second = await open(dir);
  await second.close();
  const app = { guid: 'app', name: 'shop' };
  second.setPins([pin(blobs.slice(0, 1), { id: 'image', reference: 'shop:1', app })]);
  const { layers, images, apps, disk } = second.ledger();
  expect(layers.bytes).toBeGreaterThanOrEqual(4 * MEBIBYTE);
  expect(layers.bytes).toBeLessThan(4 * MEBIBYTE + 65_536);
  expect(layers.exclusiveBytes + layers.sharedBytes + layers.reclaimableBytes).toBe(layers.bytes);
  expect(images).toMatchObject([{ id: 'image', reference: 'shop:1', pinned: true, reclaimableBytes: 0 }]);
  expect(apps).toMatchObject([{ guid: 'app', name: 'shop', exclusiveBytes: layers.exclusiveBytes }]);
  expect(disk.capacityBytes).toBe(40 * MEBIBYTE);
  await second.close();
});

type Action =
  | { readonly type: 'start'; readonly image: number }
  | { readonly type: 'stop' | 'pin' | 'unpin'; readonly image: number }
  | { readonly type: 'foreign'; readonly megabytes: number };

const image = fc.nat(4);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('start' as const), image }) },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constantFrom('stop' as const, 'pin' as const, 'unpin' as const), image }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('foreign' as const), megabytes: fc.nat(12) }) },
);

test('over random histories on a real disk, what is kept is there, and the ledger adds up', {
  timeout: 300_000,
}, async () => {
  const base = noiseLayer('base', 2 * MEBIBYTE);
  const images = [1, 2, 3, 4, 5].map((n) => [base, noiseLayer(`top${n}`, n * MEBIBYTE)]);
  const { fetch } = registryOf(images.flat());
  let removed = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 12, maxLength: 20 }), async (history) => {
      const dir = mountDisk(parent(), 24);
      const running = new Map<number, UnnamedHold>();
      const pinned = new Set<number>();
      const at = (n: number): readonly Blob[] => images[n] ?? [];
      const diffIds = (n: number): string[] => at(n).map(({ descriptor }) => descriptor.diffId);
      const keeping = await open(dir, {}, () => [...running.values()]);
      keeping.watchDisk();
      for (const step of history) {
        if (step.type === 'start') {
          try {
            const layers = at(step.image).map(({ descriptor }) => descriptor);
            const held = await keeping.ensureLayers(layers, fetch);
            running.set(step.image, { by: 'container', diffIds: diffIds(step.image) });
            held.release();
          } catch (error) {
            // Refused only when nothing more could have been removed for it.
            expect(error).toMatchObject({ code: 'LAYER_STORE_FULL' });
            const { details } = error as { details: Record<string, number> };
            const free = (details.freeBytes ?? 0) + (details.reclaimableBytes ?? 0);
            expect((details.neededBytes ?? 0) + (details.floorBytes ?? 0)).toBeGreaterThan(
              free - (details.reservedBytes ?? 0),
            );
          }
        } else if (step.type === 'stop') {
          running.delete(step.image);
          keeping.used(diffIds(step.image));
        } else if (step.type === 'foreign') {
          rmSync(join(dir, '..', 'foreign'), { force: true });
          const free = Math.floor(keeping.ledger().disk.freeBytes / MEBIBYTE);
          writeFileSync(join(dir, '..', 'foreign'), noise(Math.min(step.megabytes, free)));
        } else {
          if (step.type === 'pin') pinned.add(step.image);
          else pinned.delete(step.image);
          keeping.setPins([...pinned].map((n) => pin(at(n), { id: `image${n}` })));
        }
        for (const n of running.keys()) {
          const [, top] = at(n);
          const record = keeping.list().find(({ diffId }) => diffId === top?.descriptor.diffId);
          expect(existsSync(join(dir, 'layers', record?.name ?? 'none', `top${n + 1}`))).toBe(true);
        }
        const { layers } = keeping.ledger();
        expect(layers.exclusiveBytes + layers.sharedBytes + layers.reclaimableBytes).toBe(layers.bytes);
      }
      await keeping.collect();
      const { layers, disk } = keeping.ledger();
      if (layers.reclaimableBytes > 0) expect(disk.freeBytes).toBeGreaterThanOrEqual(disk.capacityBytes / 2);
      removed += keeping.collections.removedLayers;
      await keeping.close();
      expect(readdirSync(join(dir, 'tmp'))).toEqual([]);
      rmSync(dir, { recursive: true });
      rmSync(join(dir, '..', 'foreign'), { force: true });
    }),
    { numRuns: 10 },
  );
  expect(removed).toBeGreaterThan(0);
});
