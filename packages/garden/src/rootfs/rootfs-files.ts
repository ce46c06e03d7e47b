import { closeSync, constants, fstatSync, openSync, readlinkSync, readSync } from 'node:fs';
import { GardenError } from '../errors.ts';
import { openInRoot } from '../sys/beneath.ts';
import { errnoCode } from '../sys/sys-error.ts';
import { makeImageVolumes } from './image-volumes.ts';

/** Looks into a root file system as from inside: no path, link or `..` in the image leads out of it. */
export class RootfsView {
  readonly #fd: number;

  constructor(mountPoint: string) {
    this.#fd = openSync(mountPoint, constants.O_RDONLY | constants.O_DIRECTORY);
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** Makes what the image names as VOLUME and does not have. @throws GardenError IMAGE_FILE_INVALID, ROOTFS_FAILED */
  makeVolumes(paths: readonly string[], owner: number, filled: readonly string[]): void {
    makeImageVolumes(this.#fd, paths, owner, filled);
  }

  /**
   * The content of a small file; undefined when there is none.
   * @throws GardenError IMAGE_FILE_INVALID when it is no regular file, or larger
   */
  read(path: string, maxBytes: number): string | undefined {
    const fd = this.#open(path, 'read');
    if (fd === undefined) return undefined;
    try {
      const stats = fstatSync(fd);
      if (!stats.isFile())
        throw new GardenError('IMAGE_FILE_INVALID', 'process', `The image's ${path} is no regular file`);
      if (stats.size > maxBytes) {
        throw new GardenError(
          'IMAGE_FILE_INVALID',
          'process',
          `The image's ${path} has ${stats.size} bytes; the limit is ${maxBytes}`,
        );
      }
      const bytes = Buffer.alloc(stats.size);
      let length = 0;
      while (length < bytes.length) {
        const got = readSync(fd, bytes, length, bytes.length - length, length);
        if (got === 0) break;
        length += got;
      }
      return bytes.toString('utf8', 0, length);
    } finally {
      closeSync(fd);
    }
  }

  /** Whether there is a regular file that someone may execute. */
  isExecutable(path: string): boolean {
    const fd = this.#open(path, 'path');
    if (fd === undefined) return false;
    try {
      const stats = fstatSync(fd);
      return stats.isFile() && (stats.mode & 0o111) !== 0;
    } finally {
      closeSync(fd);
    }
  }

  /** What is at the path itself: a link is one wherever on the way it is. */
  kindOf(path: string): 'directory' | 'link' | 'other' | 'nothing' {
    let fd: number;
    try {
      fd = openInRoot(this.#fd, path, 'path', { symlinks: false });
    } catch (error) {
      const code = errnoCode(error);
      if (code === 'ELOOP') return 'link';
      if (code === 'ENOENT' || code === 'ENOTDIR') return 'nothing';
      throw error;
    }
    try {
      return fstatSync(fd).isDirectory() ? 'directory' : 'other';
    } finally {
      closeSync(fd);
    }
  }

  /** Where a path leads, all links followed; undefined when that is nowhere. */
  realPath(path: string): string | undefined {
    const fd = this.#open(path, 'path');
    if (fd === undefined) return undefined;
    try {
      const root = readlinkSync(`/proc/self/fd/${this.#fd}`);
      return `/${readlinkSync(`/proc/self/fd/${fd}`).slice(root.length)}`.replace('//', '/');
    } finally {
      closeSync(fd);
    }
  }

  #open(path: string, mode: 'path' | 'read'): number | undefined {
    try {
      return openInRoot(this.#fd, path, mode);
    } catch (error) {
      const code = errnoCode(error);
      // Nothing there, or links that lead nowhere. ENXIO: a socket, or a device of no driver.
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENAMETOOLONG' || code === 'ENXIO') {
        return undefined;
      }
      throw error;
    }
  }
}

/** Where the runtime mounts kernel file systems; in an image they must be directories or not there. */
const MOUNT_POINTS = ['/dev', '/proc', '/sys'];

/**
 * Refuses an image in which the runtime would follow a link to mount or mask something (CVE-2025-31133, -52565,
 * -52881 and their like).
 * @throws GardenError IMAGE_MOUNT_POINT_INVALID
 */
export function checkMountPoints(view: RootfsView, mountPoints: readonly string[] = MOUNT_POINTS): void {
  for (const path of mountPoints) {
    const kind = view.kindOf(path);
    if (kind === 'directory' || kind === 'nothing') continue;
    const what = kind === 'link' ? 'a symlink' : 'no directory';
    throw new GardenError('IMAGE_MOUNT_POINT_INVALID', 'rootfs', `The image has ${what} at ${path}`);
  }
}
