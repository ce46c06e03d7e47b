// @module-tag root
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  digests,
  lateWatermarks,
  MEBIBYTE,
  open,
  pin,
  store,
  useParent,
  watermarks,
} from './collection.test-support.ts';
import { type Blob, hollowLayer, mountDisk, noise, noiseLayer, registryOf } from './disk.test-support.ts';

const parent = useParent();

describe('before a download', () => {
  test('room is made, and what does not fit even so is refused with the figures and without a request', async () => {
    const dir = mountDisk(parent(), 40);
    const [old, kept] = [noiseLayer('old', 8 * MEBIBYTE), noiseLayer('kept', 8 * MEBIBYTE)];
    const keeping = await open(dir, { watermarks: lateWatermarks });
    await store(keeping, [old, kept]);
    keeping.setPins([pin([kept])]);
    // 16 MB are used, and an image of 10 MB may unpack to 30.
    const fits = noiseLayer('fits', 10 * MEBIBYTE);
    (await keeping.ensureLayers([fits.descriptor], registryOf([fits]).fetch)).release();
    expect(digests(keeping).toSorted()).toEqual([kept, fits].map((x) => x.descriptor.digest).toSorted());
    const huge = noiseLayer('huge', 14 * MEBIBYTE);
    const { fetch, asked } = registryOf([huge]);
    const refused = keeping.ensureLayers([huge.descriptor], fetch);
    await expect(refused).rejects.toMatchObject({
      code: 'LAYER_STORE_FULL',
      kind: 'exhausted',
      details: { capacityBytes: 40 * MEBIBYTE },
    });
    const { details, message } = await refused.catch((error) => error);
    expect(details.neededBytes).toBeGreaterThan(42 * MEBIBYTE);
    expect(details.freeBytes).toBeLessThan(22 * MEBIBYTE);
    expect(details.reclaimableBytes).toBeGreaterThanOrEqual(10 * MEBIBYTE);
    expect(details.pinnedBytes).toBeGreaterThanOrEqual(8 * MEBIBYTE);
    expect(message).toMatch(/needs about \d+ MB, and of 42 MB only \d+ MB are free/);
    expect(asked).toEqual([]);
    // Nothing was thrown away for it.
    expect(keeping.has(fits.descriptor)).toBe(true);
    await keeping.close();
  });

  test('an image that nobody waits for leaves free what the high watermark asks for', async () => {
    const dir = mountDisk(parent(), 20);
    const keeping = await open(dir, { watermarks: { ...watermarks, highPercent: 60 } });
    const [one, two] = [noiseLayer('one', 3 * MEBIBYTE), noiseLayer('two', 3 * MEBIBYTE)];
    keeping.setPins([pin([one, two])]);
    await store(keeping, [one]);
    const { fetch } = registryOf([two]);
    await expect(keeping.ensureLayers([two.descriptor], fetch, { background: true })).rejects.toMatchObject({
      code: 'LAYER_STORE_FULL',
    });
    expect((await keeping.ensureLayers([two.descriptor], fetch)).length).toBe(1);
    await keeping.close();
  });

  test('an image over a limit is refused by what its manifest says', async () => {
    const dir = mountDisk(parent(), 20);
    const keeping = await open(dir, {
      imageLimits: { imageBytes: 2 * MEBIBYTE, layerBytes: MEBIBYTE + 1000, layers: 2 },
    });
    const blobs = ['1', '2', '3'].map((name) => noiseLayer(name, MEBIBYTE));
    const { fetch, asked } = registryOf(blobs);
    const [one, two] = blobs.map(({ descriptor }) => descriptor);
    if (one === undefined || two === undefined) throw new Error('no layers');
    const code = async (layers: readonly Blob['descriptor'][]): Promise<string> =>
      await keeping.ensureLayers(layers, fetch).then(
        () => 'taken',
        (error) => error.code,
      );
    expect(await code([one, two])).toBe('IMAGE_TOO_LARGE');
    expect(await code(blobs.map(({ descriptor }) => descriptor))).toBe('IMAGE_TOO_MANY_LAYERS');
    expect(await code([{ ...one, size: MEBIBYTE + 1001 }])).toBe('IMAGE_TOO_LARGE');
    expect(asked).toEqual([]);
    expect(await code([one])).toBe('taken');
    await keeping.close();
  });
});

test('an image that is here starts on a disk that has not a byte left', async () => {
  const dir = mountDisk(parent(), 8);
  const problems: string[] = [];
  const keeping = await open(dir, { onProblem: ({ message }) => problems.push(message) });
  const blob = noiseLayer('here', MEBIBYTE);
  await store(keeping, [blob]);
  keeping.setPins([pin([blob])]);
  await keeping.close();
  const full = await open(dir, { onProblem: ({ message }) => problems.push(message) });
  expect(() => writeFileSync(join(dir, '..', 'foreign'), noise(8))).toThrow('ENOSPC');
  const options = { image: { id: 'image', reference: 'here:1' } };
  const [handle] = await full.ensureLayers([blob.descriptor], registryOf([]).fetch, options);
  expect(handle).toMatchObject({ cached: true });
  expect(problems).toEqual([expect.stringContaining('ENOSPC')]);
  expect(full.ledger().disk.freeBytes).toBe(0);
  await full.close();
});

describe('a layer that unpacks to more than anybody could know', () => {
  test('gets the room of layers that nobody keeps', async () => {
    const dir = mountDisk(parent(), 40);
    const keeping = await open(dir, { watermarks: lateWatermarks });
    const old = ['o1', 'o2', 'o3'].map((name) => noiseLayer(name, 8 * MEBIBYTE));
    await store(keeping, old);
    const hollow = hollowLayer('hollow', 24 * MEBIBYTE);
    const [handle] = await keeping.ensureLayers([hollow.descriptor], registryOf([hollow]).fetch);
    expect(statSync(join(keeping.layersDir, handle?.name ?? '', 'hollow')).size).toBe(24 * MEBIBYTE);
    expect(old.filter(({ descriptor }) => keeping.has(descriptor)).length).toBeLessThan(3);
    await keeping.close();
    expect(readdirSync(join(dir, 'tmp'))).toEqual([]);
  });

  test('fails with the figures when all others are kept, and leaves nothing of itself', async () => {
    const dir = mountDisk(parent(), 40);
    const keeping = await open(dir, { watermarks: lateWatermarks });
    const old = ['o1', 'o2', 'o3'].map((name) => noiseLayer(name, 6 * MEBIBYTE));
    keeping.setPins([pin(old)]);
    await store(keeping, old);
    const hollow = hollowLayer('hollow', 24 * MEBIBYTE);
    const { fetch } = registryOf([hollow]);
    await expect(keeping.ensureLayers([hollow.descriptor], fetch)).rejects.toMatchObject({ code: 'LAYER_STORE_FULL' });
    expect(old.every(({ descriptor }) => keeping.has(descriptor))).toBe(true);
    await keeping.close();
    expect(readdirSync(join(dir, 'tmp'))).toEqual([]);
    expect(readdirSync(join(dir, 'layers')).length).toBe(3);
  });
});
