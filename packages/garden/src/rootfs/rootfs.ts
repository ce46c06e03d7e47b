import { chmodSync, chownSync, closeSync, constants, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { asGardenError } from '../errors.ts';
import type { LayerHandle } from '../layers/layer.ts';
import { MS, mount, mountIdmapped, unmount } from '../sys/mount.ts';
import type { IdRange } from './id-range.ts';
import { lowerLayers, overlayOptions } from './lower-layers.ts';

/** Where the parts of a container's root file system are. */
export interface RootfsPaths {
  /** Holds `upper`, where the container's own files go, and `work`, which is overlayfs's. */
  readonly writableDir: string;
  /** The whole; every directory above must let others pass. */
  readonly mountPoint: string;
}

/**
 * Joins an image's layers and a writable one at `mountPoint`, with owners shifted to the container's range: the layers
 * through an idmapped mount, the writable one by being owned so. Nothing is copied or chowned.
 */
export function mountRootfs(
  paths: RootfsPaths,
  layersDir: string,
  layers: readonly LayerHandle[],
  range: IdRange,
  userNamespaceFd: number,
): void {
  const lower = lowerLayers(layers);
  const staging = join(paths.writableDir, 'layers');
  const opened: number[] = [];
  const open = (path: string): string => {
    const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    opened.push(fd);
    return `/proc/self/fd/${fd}`;
  };
  try {
    for (const name of ['upper', 'work', 'empty', 'layers'])
      mkdirSync(join(paths.writableDir, name), { recursive: true });
    for (const name of ['upper', 'work']) chownSync(join(paths.writableDir, name), range.base, range.base);
    mkdirSync(paths.mountPoint, { recursive: true });
    chmodSync(join(paths.writableDir, 'upper'), 0o755);
    const layersFd = mountIdmapped(layersDir, staging, userNamespaceFd);
    opened.push(layersFd);
    const writable = open(paths.writableDir);
    // An image of no layers is an empty directory. Paths by descriptor are short, wherever the store is.
    const directories =
      lower.length === 0 ? [`${writable}/empty`] : lower.map((name) => `/proc/self/fd/${layersFd}/${name}`);
    const options = overlayOptions(directories, `${writable}/upper`, `${writable}/work`);
    mount('slipway', paths.mountPoint, 'overlay', MS.nodev | MS.nosuid, options);
  } catch (error) {
    throw asGardenError(error, 'ROOTFS_FAILED', 'rootfs', 'The root file system could not be put together');
  } finally {
    for (const fd of opened) closeSync(fd);
    // overlayfs has clones of its own.
    unmount(staging);
  }
}

/** Takes it apart before anything was written to it, so that it can be mounted anew. */
export function clearRootfs(paths: RootfsPaths): void {
  unmountRootfs(paths);
  // A volatile overlay leaves a mark there, and the kernel mounts no other upon it.
  rmSync(join(paths.writableDir, 'work'), { recursive: true, force: true });
}

/** Takes it apart; fine when that was done before, or half of it. The files stay. */
export function unmountRootfs(paths: RootfsPaths): void {
  try {
    while (unmount(paths.mountPoint));
    while (unmount(join(paths.writableDir, 'layers')));
  } catch (error) {
    throw asGardenError(error, 'ROOTFS_FAILED', 'delete', 'The root file system could not be unmounted');
  }
}
