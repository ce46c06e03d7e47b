import { closeSync } from 'node:fs';
import { must, SYS } from './libc.ts';

const OPEN_TREE_CLONE = 1;
const OPEN_TREE_CLOEXEC = 0o2000000;
const AT_EMPTY_PATH = 0x1000;
const MOVE_MOUNT_F_EMPTY_PATH = 0x4;
const MOVE_MOUNT_T_EMPTY_PATH = 0x40;
const MOUNT_ATTR_RDONLY = 0x1n;
const MOUNT_ATTR_NOSUID = 0x2n;
const MOUNT_ATTR_NODEV = 0x4n;
const MOUNT_ATTR_IDMAP = 0x100000n;

/**
 * A clone of a directory's mount that is mounted nowhere, without what is mounted below it: it goes when the descriptor
 * is closed, so that nothing of it can be left behind, or removed by mistake with what is around it. Nothing in it is
 * setuid or a device, and owners are shifted as the user namespace maps them.
 */
export function cloneMount(directoryFd: number, userNamespaceFd: number, readOnly: boolean): number {
  const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
  const fd = must('syscallOpenTree', 'volume', SYS.openTree, directoryFd, '', flags);
  try {
    const set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (readOnly ? MOUNT_ATTR_RDONLY : 0n);
    const bytes = new Uint8Array(new BigUint64Array([set, 0n, 0n, BigInt(userNamespaceFd)]).buffer);
    must('syscallMountSetattr', 'volume', SYS.mountSetattr, fd, '', AT_EMPTY_PATH, bytes, bytes.length);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Mounts a clone upon a directory of the calling thread's mount namespace. */
export function attachMount(mountFd: number, directoryFd: number): void {
  const flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  must('syscallMoveMount', 'volume', SYS.moveMount, mountFd, '', directoryFd, '', flags);
}
