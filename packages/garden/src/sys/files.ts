import { chmodSync, closeSync, constants, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { attempt, cString, must, mustAsync } from './libc.ts';

const S_IFCHR = 0o020000;
const S_IFIFO = 0o010000;
const LOCK_EX_NB = 2 | 4;
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const F_SETPIPE_SZ = 1031;
const UTIME_OMIT = (1n << 30n) - 2n;

/** Makes overlayfs's whiteout, a character device 0/0. */
export function makeWhiteout(path: Uint8Array): void {
  must('mknod', Buffer.from(path).toString('latin1'), cString(path), S_IFCHR, 0);
}

/** Makes a FIFO that anyone who can reach it may open both ways. */
export function makeFifo(path: string): void {
  must('mknod', path, cString(path), S_IFIFO | 0o600, 0);
  chmodSync(path, 0o666); // mknod's mode goes through the umask
}

/** A point in time as tar and the kernel have it; seconds may be negative. */
export interface FileTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

function timespecs(time: FileTime): Uint8Array {
  const parts = new BigInt64Array([0n, UTIME_OMIT, BigInt(time.seconds), BigInt(time.nanoseconds)]);
  return new Uint8Array(parts.buffer);
}

/** Sets the modification time of what is at `path` itself, to the nanosecond. */
export function setModifiedTime(path: Uint8Array, time: FileTime): void {
  const subject = Buffer.from(path).toString('latin1');
  must('utimensat', subject, AT_FDCWD, cString(path), timespecs(time), AT_SYMLINK_NOFOLLOW);
}

/** The same for an open file. */
export function setModifiedTimeOfFile(fd: number, time: FileTime): void {
  must('futimens', `fd ${fd}`, fd, timespecs(time));
}

/** Waits, without blocking, until all data of the file system that `path` is on is on the disk. */
export async function syncFileSystem(path: string): Promise<void> {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await mustAsync('syncfs', path, fd);
  } finally {
    closeSync(fd);
  }
}

/** Waits, without blocking, until the names in a directory are on the disk as they are. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Takes the lock of an open file for as long as it stays open, also against other processes; false when taken. */
export function tryLock(fd: number): boolean {
  return attempt('flock', fd, LOCK_EX_NB) === 0;
}

/** Asks for a larger buffer of an open FIFO. The kernel may refuse; the smaller one then stays. */
export function setPipeSize(fd: number, bytes: number): void {
  attempt('fcntl', fd, F_SETPIPE_SZ, bytes);
}
