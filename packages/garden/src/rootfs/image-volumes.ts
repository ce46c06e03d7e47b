import { chmodSync, closeSync, fstatSync, lchownSync, mkdirSync } from 'node:fs';
import { posix } from 'node:path';
import { asGardenError, GardenError } from '../errors.ts';
import { openInRoot } from '../sys/beneath.ts';
import { errnoCode } from '../sys/sys-error.ts';

/**
 * Makes the directories that an image names as VOLUME and does not have, as Docker does: the container's root owns them,
 * everybody may look. Those that it has stay as they are. Nothing in the image leads out of it, for the kernel resolves
 * each path inside of `rootFd`, and nothing of it runs yet.
 *
 * @param owner the host's id of the container's root
 * @param filled directories of the container that are not the image's
 * @throws GardenError IMAGE_FILE_INVALID when there is something else at a path
 */
export function makeImageVolumes(
  rootFd: number,
  paths: readonly string[],
  owner: number,
  filled: readonly string[],
): void {
  for (const path of paths) {
    const absolute = posix.normalize(posix.join('/', path));
    if (filled.some((each) => absolute === each || absolute.startsWith(`${each}/`))) continue;
    try {
      makeDirectory(rootFd, absolute, owner);
    } catch (error) {
      throw asGardenError(error, 'ROOTFS_FAILED', 'rootfs', `The volume ${JSON.stringify(path)} could not be made`);
    }
  }
}

function makeDirectory(rootFd: number, path: string, owner: number): void {
  let made = '/';
  for (const name of path.split('/').filter((part) => part !== '')) {
    const parent = openInRoot(rootFd, made, 'path');
    try {
      // The parent is named by its descriptor and the name is a plain one: mkdir(2) follows no link there.
      const at = `/proc/self/fd/${parent}/${name}`;
      mkdirSync(at, { mode: 0o700 });
      lchownSync(at, owner, owner);
      chmodSync(at, 0o755);
    } catch (error) {
      if (errnoCode(error) !== 'EEXIST') throw error;
    } finally {
      closeSync(parent);
    }
    made = posix.join(made, name);
    requireDirectory(rootFd, made);
  }
}

function requireDirectory(rootFd: number, path: string): void {
  let directory = false;
  try {
    const fd = openInRoot(rootFd, path, 'path');
    try {
      directory = fstatSync(fd).isDirectory();
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    // A link that leads nowhere, or round in a ring.
    if (errnoCode(error) !== 'ENOENT' && errnoCode(error) !== 'ELOOP' && errnoCode(error) !== 'ENOTDIR') throw error;
  }
  if (directory) return;
  throw new GardenError(
    'IMAGE_FILE_INVALID',
    'rootfs',
    `The image has a VOLUME at ${JSON.stringify(path.slice(0, 300))}, where it has something else than a directory`,
  );
}
