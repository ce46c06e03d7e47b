import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { type Blob, registryOf } from './disk.test-support.ts';
import type { LayerStoreOptions, PinnedImage } from './layer.ts';
import { type ContainerHolds, LayerStore } from './layer-store.ts';
import { sealHost } from './sealed-host.test-support.ts';

// Real disks, small ones in memory, that really fill up.

export const MEBIBYTE: number = 1024 ** 2;

/** Where disks are mounted, for the tests of this file. */
export function useParent(): () => string {
  let parent: string;
  beforeAll(() => {
    parent = sealHost();
  });
  afterAll(() => {
    // The disks go with this process's mounts.
    for (const name of readdirSync(parent))
      if (!name.startsWith('disk-')) rmSync(join(parent, name), { recursive: true });
  });
  return () => parent;
}

/** Collects above half of the disk, down to a third. */
export const watermarks = { highPercent: 50, lowPercent: 33, mostFreeBytes: 2 ** 40 };
/** Never collects by itself. */
export const lateWatermarks = { highPercent: 97, lowPercent: 96, mostFreeBytes: 2 ** 40 };

export const open = async (
  dir: string,
  more: Partial<LayerStoreOptions> = {},
  containers?: ContainerHolds,
): Promise<LayerStore> => await LayerStore.open({ dir, watermarks, ...more }, containers);

export const digests = (store: LayerStore): string[] => store.list().flatMap((layer) => layer.digests);
export const pin = (blobs: readonly Blob[], more: Partial<PinnedImage> = {}): PinnedImage => ({
  id: 'pinned',
  current: true,
  layers: blobs.map(({ descriptor }) => descriptor),
  ...more,
});

/** Puts layers into the store one after the other, so that the first is the least recently used, and lets go of them. */
export async function store(into: LayerStore, blobs: readonly Blob[]): Promise<void> {
  const { fetch } = registryOf(blobs);
  for (const { descriptor } of blobs) (await into.ensureLayers([descriptor], fetch)).release();
}
