import { closeSync } from 'node:fs';
import { AT_FDCWD, attempt, calls, must, SYS } from './libc.ts';
import { SysError } from './sys-error.ts';

/** Flags of mount(2). */
export const MS = { nosuid: 0x2, nodev: 0x4, noatime: 0x400 } as const;

const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;
const OPEN_TREE_CLONE = 1;
const OPEN_TREE_CLOEXEC = 0o2000000;
const AT_EMPTY_PATH = 0x1000;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const MOUNT_ATTR_RDONLY = 0x1n;
const MOUNT_ATTR_NOSUID = 0x2n;
const MOUNT_ATTR_NODEV = 0x4n;
const MOUNT_ATTR_IDMAP = 0x100000n;
const EINVAL = 22;
const ENOENT = 2;

/** mount(2). `data` is at most a page, 4096 bytes. */
export function mount(source: string, target: string, type: string, flags: number, data: string): void {
  must('mount', target, source, target, type, flags, data);
}

/** Detaches the mount at `target`; false when there was none. */
export function unmount(target: string): boolean {
  const errno = attempt('umount2', target, MNT_DETACH | UMOUNT_NOFOLLOW);
  if (errno === EINVAL || errno === ENOENT) return false;
  if (errno !== 0) throw new SysError('umount2', errno, target);
  return true;
}

/** The same, for a file system that goes with it: the kernel may take a second for each million files to forget them. */
export async function unmountAside(target: string): Promise<boolean> {
  const done = await new Promise<boolean>((resolve) => {
    calls.umount2.async(target, MNT_DETACH | UMOUNT_NOFOLLOW, (error, result) =>
      resolve(error === null && Number(result) === 0),
    );
  });
  // What went wrong is told by another try: an error number belongs to the thread that got it.
  return done || unmount(target);
}

/**
 * Mounts a read-only clone of `source` at `target` whose owners are shifted as the user namespace `userNamespaceFd`
 * maps them: uid 0 of a file shows as the namespace's root. The files are not changed. Returns an open descriptor of
 * the mount, to reach what is below it by /proc/self/fd.
 */
export function mountIdmapped(source: string, target: string, userNamespaceFd: number): number {
  const fd = must('syscallOpenTree', source, SYS.openTree, AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  try {
    const attributes = new BigUint64Array([
      MOUNT_ATTR_IDMAP | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
      0n,
      0n,
      BigInt(userNamespaceFd),
    ]);
    const bytes = new Uint8Array(attributes.buffer);
    must('syscallMountSetattr', source, SYS.mountSetattr, fd, '', AT_EMPTY_PATH, bytes, bytes.length);
    must('syscallMoveMount', target, SYS.moveMount, fd, '', AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
