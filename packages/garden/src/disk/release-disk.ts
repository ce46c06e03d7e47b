import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { attempt } from '../sys/libc.ts';
import { unmountAside } from '../sys/mount.ts';
import { limitProject, projectOf } from '../sys/project-quota.ts';
import { errnoCode } from '../sys/sys-error.ts';
import type { DiskPlace } from './container-disks.ts';

const LOOP_MAJOR = 7;
const EXT4_IOC_SHUTDOWN = 0x8004587d;
const EXT4_GOING_FLAGS_NOLOGFLUSH = 2;

/**
 * Undoes what was made of a container's disk, of whatever kind, and fine when that was done before, or half of it. The
 * files stay, as they are no longer anything but files.
 */
export async function releaseDisk(place: DiskPlace): Promise<void> {
  dropUnwritten(place);
  while (await unmountAside(place.writableDir));
  dropProjectLimit(place.writableDir);
}

/**
 * A file system that is about to be thrown away need not write what it has cached; unmounting would wait for it. Only
 * of a device that is certainly made of this container's file: nothing else of the machine may be stopped so.
 */
function dropUnwritten({ writableDir, image }: DiskPlace): void {
  const fd = openIfThere(writableDir);
  if (fd === undefined) return;
  try {
    const { dev } = fstatSync(fd);
    if (Math.floor(dev / 256) % 4096 !== LOOP_MAJOR) return;
    const number = (dev % 256) + Math.floor(dev / 2 ** 20) * 256;
    if (readFileSync(`/sys/dev/block/${LOOP_MAJOR}:${number}/loop/backing_file`, 'utf8') !== `${image}\n`) return;
    // Without it the unmount takes longer, and nothing else.
    attempt('ioctl', fd, EXT4_IOC_SHUTDOWN, Buffer.from(new Uint32Array([EXT4_GOING_FLAGS_NOLOGFLUSH]).buffer));
  } catch (error) {
    if (errnoCode(error) !== 'ENOENT') throw error;
  } finally {
    closeSync(fd);
  }
}

function dropProjectLimit(writableDir: string): void {
  try {
    const project = projectOf(writableDir);
    if (project !== 0) limitProject(writableDir, project, 0);
  } catch (error) {
    const code = errnoCode(error) ?? '';
    // Not there, or on a file system without projects, or whose quotas are not on.
    if (!['ENOENT', 'ENOTTY', 'EOPNOTSUPP', 'ENOSYS', 'ESRCH', 'EINVAL'].includes(code)) throw error;
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    // EIO: it had been stopped before.
    if (errnoCode(error) === 'ENOENT' || errnoCode(error) === 'EIO') return undefined;
    throw error;
  }
}
