import { mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AT_FDCWD, must, SYS } from '../sys/libc.ts';
import { errnoCode } from '../sys/sys-error.ts';

const CLONE_NEWNS = 0x20000;
const MS_REC_PRIVATE = 0x4000 | 0x40000;
const AT_RECURSIVE = 0x8000;
const MOUNT_ATTR_RDONLY = 1n;

/** A directory that every Debian has and tests have no use for; what is in it is hidden from the sealed ones. */
const WRITABLE = '/media';

const READ_ONLY = ['/', '/etc', '/tmp', '/dev', '/run', '/usr', '/var', '/root', '/home'];

const ownMounts = (): string => readlinkSync('/proc/thread-self/ns/mnt');

function setReadOnly(path: string, flags: number, readOnly: boolean): void {
  const attributes = readOnly ? [MOUNT_ATTR_RDONLY, 0n, 0n, 0n] : [0n, MOUNT_ATTR_RDONLY, 0n, 0n];
  const bytes = new Uint8Array(new BigUint64Array(attributes).buffer);
  must('syscallMountSetattr', path, SYS.mountSetattr, AT_FDCWD, path, flags, bytes, bytes.length);
}

/**
 * Makes the machine unharmable by the calling thread and by all threads and processes that it starts from here on: in
 * a mount namespace of their own everything is read-only but one directory in memory, which is returned. Tests that
 * unpack layers call it first, so that a confinement that is broken fails them and does nothing else.
 *
 * Call it on a test process's main thread, and use sync file calls (libuv's threads may be older). It ends with the
 * process and leaves nothing.
 */
export function sealHost(): string {
  const before = ownMounts();
  must('unshare', 'mount namespace', CLONE_NEWNS);
  // What follows must never be done to the host's own mounts.
  if (ownMounts() === before) throw new Error('still in the mount namespace of the host');
  must('mount', 'private', 'none', '/', '', MS_REC_PRIVATE, '');
  must('mount', WRITABLE, 'tmpfs', WRITABLE, 'tmpfs', 0, 'size=2g,mode=711');
  setReadOnly('/', AT_RECURSIVE, true);
  setReadOnly(WRITABLE, 0, false);
  for (const place of READ_ONLY) assertReadOnly(place);
  return mkdtempSync(join(WRITABLE, 'test-'));
}

function assertReadOnly(place: string): void {
  const path = join(place, `sealed-probe-${process.pid}`);
  try {
    writeFileSync(path, '', { flag: 'wx' });
  } catch (error) {
    if (errnoCode(error) === 'EROFS') return;
    throw error;
  }
  rmSync(path);
  throw new Error(`${place} can be written: the host is not sealed`);
}
