import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { GardenError } from '../errors.ts';
import type { CommandRunner } from '../runtime/command.ts';
import { openLoopDevice } from '../sys/loop-device.ts';
import { MS, mount, unmount } from '../sys/mount.ts';
import { readSegments, type Segment, writeSegments } from '../sys/sparse-file.ts';

export const MKFS = '/usr/sbin/mkfs.ext4';

const BLOCK_BYTES = 4096;
const MEBIBYTE = 1024 ** 2;

/** A container may be given so much more than its limit: groups of blocks are not made of any size. */
const TOLERANCE_BYTES = MEBIBYTE;
const TOLERANCE_SHARE = 1 / 64;
const TRIES = 8;

/**
 * Said one by one, so that no mke2fs.conf of the machine counts. No journal: nothing of a container need outlive the
 * machine. Groups and inode tables that are not in use are not written (uninit_bg), so that a fresh one is some 60 KB.
 */
const FEATURES =
  'none,dir_index,dir_nlink,ext_attr,extent,extra_isize,filetype,flex_bg,huge_file,large_file,sparse_super2,uninit_bg';

/** An inode for each block: bytes, and not files, are what a container has a limit of. */
const INODE_RATIO = BLOCK_BYTES;

/** Deleted data are given back to the machine at once. */
const MOUNT_OPTIONS = 'discard,noinit_itable';

/** A file system that is made once and then written out for each container. */
export interface Ext4Template {
  readonly sizeBytes: number;
  readonly segments: readonly Segment[];
}

/** Makes the template of file systems that have room for `limitBytes`, by trying out how large one must be. */
export async function makeTemplate(limitBytes: number, dir: string, run: CommandRunner): Promise<Ext4Template> {
  const image = join(dir, `${limitBytes}.img`);
  const mountPoint = join(dir, `${limitBytes}`);
  mkdirSync(mountPoint, { recursive: true });
  const most = limitBytes + Math.max(TOLERANCE_BYTES, limitBytes * TOLERANCE_SHARE);
  // Inode tables take a sixteenth; what else it takes is seen.
  let sizeBytes = wholeBlocks(limitBytes * 1.07 + MEBIBYTE);
  try {
    for (let tries = 1; tries <= TRIES; tries += 1) {
      const segments = await makeFileSystem(image, sizeBytes, run);
      mountImage({ image, mountPoint, name: 'slipway-template' });
      const { bavail, bsize } = statfsSync(mountPoint);
      unmount(mountPoint);
      const room = bavail * bsize;
      if (room >= limitBytes && room <= most) return { sizeBytes, segments };
      sizeBytes = wholeBlocks(sizeBytes + limitBytes - room + (tries * TOLERANCE_BYTES) / 16);
    }
  } finally {
    unmount(mountPoint);
    rmSync(image, { force: true });
    rmSync(mountPoint, { recursive: true, force: true });
  }
  throw new GardenError('CONTAINER_DISK_FAILED', 'disk', `No file system has room for ${limitBytes} bytes`);
}

/** Writes a template out to a new file. */
export function writeTemplate(image: string, { sizeBytes, segments }: Ext4Template): void {
  const fd = openSync(image, 'wx', 0o600);
  try {
    ftruncateSync(fd, sizeBytes);
    writeSegments(fd, segments);
  } finally {
    closeSync(fd);
  }
}

/** Mounts the file system in a file; when this throws nothing is left of it. */
export function mountImage(where: {
  readonly image: string;
  readonly mountPoint: string;
  readonly name: string;
}): void {
  const fd = openSync(where.image, 'r+');
  try {
    const device = openLoopDevice(fd, where.name);
    try {
      mount(device.path, where.mountPoint, 'ext4', MS.nosuid | MS.nodev | MS.noatime, MOUNT_OPTIONS);
    } finally {
      closeSync(device.fd);
    }
  } finally {
    closeSync(fd);
  }
}

async function makeFileSystem(image: string, sizeBytes: number, run: CommandRunner): Promise<readonly Segment[]> {
  const fd = openSync(image, 'w+', 0o600);
  try {
    ftruncateSync(fd, sizeBytes);
    const sizes = ['-b', `${BLOCK_BYTES}`, '-I', '256', '-i', `${INODE_RATIO}`, '-m', '0'];
    const extended = 'lazy_itable_init=1,nodiscard,num_backup_sb=0,root_owner=0:0';
    await run(MKFS, ['-q', '-F', ...sizes, '-O', FEATURES, '-E', extended, image], { phase: 'disk' });
    return readSegments(fd, sizeBytes);
  } finally {
    closeSync(fd);
  }
}

function wholeBlocks(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}
