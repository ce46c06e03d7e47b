import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { posix } from 'node:path';
import { asGardenError, GardenError } from '../errors.ts';
import { openInRoot } from '../sys/beneath.ts';
import { cloneMount } from '../sys/detached-mount.ts';
import { signalProcess } from '../sys/processes.ts';
import { errnoCode } from '../sys/sys-error.ts';
import { hostIdOf, type IdRange } from './id-range.ts';
import { startInUserNamespace } from './keeper.ts';
import type { RootfsView } from './rootfs-files.ts';
import type { VolumeSpec } from './volume-spec.ts';

/** A volume that is ready to be mounted: a mount that is nowhere yet. */
export interface OpenVolume {
  /** Whoever has it closes it. */
  readonly mountFd: number;
  readonly destination: string;
}

/** What the cell mounts into every container. */
const OWN_FILES = ['/etc/hosts', '/etc/hostname', '/etc/resolv.conf'];

/** @throws GardenError VOLUME_INVALID when a volume would cover what is the cell's or the kernel's, or another volume */
export function checkDestinations(volumes: readonly VolumeSpec[], filled: readonly string[]): void {
  const seen = new Set<string>();
  for (const { destination } of volumes) {
    const shown = JSON.stringify(destination.slice(0, 300));
    const plain = destination.startsWith('/') && posix.normalize(destination) === destination && destination !== '/';
    if (!plain || destination.endsWith('/') || destination.includes('\0')) {
      throw invalid(`A volume cannot be mounted at ${shown}: an absolute path without . and .. is needed`);
    }
    if (filled.some((each) => destination === each || destination.startsWith(`${each}/`))) {
      throw invalid(`A volume cannot be mounted at ${shown}, which is of the kernel or the cell`);
    }
    const own = OWN_FILES.find((file) => file === destination || file.startsWith(`${destination}/`));
    if (own !== undefined)
      throw invalid(`A volume cannot be mounted at ${shown}, which would hide the cell's own ${own}`);
    if (seen.has(destination)) throw invalid(`Two volumes cannot be mounted at ${shown}`);
    seen.add(destination);
  }
}

/** @throws GardenError VOLUME_INVALID when a link of the image leads to where a volume shall be */
export function checkMountable(volumes: readonly VolumeSpec[], view: Pick<RootfsView, 'kindOf'>): void {
  for (const { destination } of volumes) {
    if (view.kindOf(destination) === 'directory') continue;
    throw invalid(
      `A volume cannot be mounted at ${JSON.stringify(destination.slice(0, 300))}: the image has a link there`,
    );
  }
}

/**
 * Opens the directories of the host and makes mounts of them in which their owner is a user of the container.
 * @param user the app's, which is the default
 * @throws GardenError VOLUME_NOT_FOUND, VOLUME_REFUSED, VOLUME_INVALID, VOLUME_FAILED
 */
export async function openVolumes(
  volumes: readonly VolumeSpec[],
  range: IdRange,
  user: { readonly uid: number; readonly gid: number },
  signal: AbortSignal | undefined,
): Promise<readonly OpenVolume[]> {
  const opened: OpenVolume[] = [];
  try {
    // Whatever order they come in: one below another would be hidden by it if it were there before.
    const outerFirst = volumes.toSorted((a, b) => a.destination.length - b.destination.length);
    for (const volume of outerFirst) {
      opened.push({ mountFd: await openVolume(volume, range, user, signal), destination: volume.destination });
    }
    return opened;
  } catch (error) {
    closeVolumes(opened);
    throw asGardenError(error, 'VOLUME_FAILED', 'volumes', 'A volume could not be opened');
  }
}

export function closeVolumes(volumes: readonly OpenVolume[]): void {
  for (const { mountFd } of volumes) closeSync(mountFd);
}

async function openVolume(
  volume: VolumeSpec,
  range: IdRange,
  user: { readonly uid: number; readonly gid: number },
  signal: AbortSignal | undefined,
): Promise<number> {
  const source = posix.join(volume.root, volume.path);
  const uid = volume.owner?.uid ?? user.uid;
  const gid = volume.owner?.gid ?? user.gid;
  const [hostUid, hostGid] = [hostIdOf(range, uid), hostIdOf(range, gid)];
  if (hostUid === undefined || hostGid === undefined) {
    throw invalid(`The volume ${source} cannot belong to ${uid}:${gid}: the container has no such ids`);
  }
  const directory = openSource(volume, source);
  try {
    const stats = fstatSync(directory);
    if (stats.uid === 0 && !volume.readOnly) {
      // What the app writes would belong to root, on the host too, where nothing keeps a setuid program from working.
      throw refused(`${source} belongs to root; give it another owner (chown) on the cell, or mount it read-only`);
    }
    const maps = { uids: `${stats.uid} ${hostUid} 1\n`, gids: `${stats.gid} ${hostGid} 1\n` };
    const borrowed = await startInUserNamespace(maps, ['-'], [], signal);
    try {
      return cloneMount(directory, borrowed.userNamespaceFd, volume.readOnly);
    } catch (error) {
      if (errnoCode(error) !== 'EINVAL') throw error;
      throw new GardenError(
        'VOLUME_FAILED',
        'volumes',
        `The file system of ${source} cannot show files under other owners (idmapped mounts): NFS cannot; ext4, xfs and btrfs can`,
        { cause: error },
      );
    } finally {
      closeSync(borrowed.userNamespaceFd);
      signalProcess(borrowed.process, 'SIGKILL');
    }
  } finally {
    closeSync(directory);
  }
}

/** Without following any link: who may write to a volume could lay one to what is not theirs. */
function openSource({ root, path }: VolumeSpec, source: string): number {
  if (path.split('/').includes('..')) throw refused(`${source} leaves the directory that the operator allows`);
  try {
    const rootFd = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      const fd = openInRoot(rootFd, path === '' ? '.' : path, 'path', { symlinks: false });
      if (fstatSync(fd).isDirectory()) return fd;
      closeSync(fd);
      throw notFound(`${source} is no directory`);
    } finally {
      closeSync(rootFd);
    }
  } catch (error) {
    const code = errnoCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') throw notFound(`There is no directory ${source}`);
    if (code === 'ELOOP') throw refused(`${source} is behind a link, which is not followed`);
    throw error;
  }
}

function notFound(what: string): GardenError {
  return new GardenError('VOLUME_NOT_FOUND', 'volumes', `${what} on this cell; it has to be made on each cell`);
}

function refused(what: string): GardenError {
  return new GardenError('VOLUME_REFUSED', 'volumes', what);
}

function invalid(what: string): GardenError {
  return new GardenError('VOLUME_INVALID', 'volumes', what);
}
