import { closeSync, constants, openSync } from 'node:fs';
import { attempt, must } from './libc.ts';
import { SysError } from './sys-error.ts';

const LOOP_CTL_GET_FREE = 0x4c82;
const LOOP_CONFIGURE = 0x4c0a;
const LO_FLAGS_AUTOCLEAR = 4;
const LO_FLAGS_DIRECT_IO = 16;
const BLOCK_BYTES = 4096;
const EBUSY = 16;

/** Where `struct loop_config` has its parts (linux/loop.h); loop_info64 begins at 8. */
const CONFIG = { bytes: 304, fd: 0, blockSize: 4, flags: 60, name: 64, nameBytes: 64 } as const;

/** Others take devices, too: between the kernel's naming of a free one and its use. */
const TRIES = 64;

export interface LoopDevice {
  readonly path: string;
  /** The device stays for as long as this or a mount of it does, and no longer. */
  readonly fd: number;
}

/**
 * Makes a block device of an open file. It goes by itself with its last user (autoclear), so that a process killed at
 * any moment leaves no device without a mount. Reads and writes pass the page cache by where the file's file system
 * can do that: what the upper file system has cached is not cached twice.
 *
 * @throws SysError
 */
export function openLoopDevice(fileFd: number, name: string): LoopDevice {
  for (let tries = 1; ; tries += 1) {
    const path = `/dev/loop${freeNumber()}`;
    const fd = openSync(path, constants.O_RDWR);
    const errno = attempt('ioctl', fd, LOOP_CONFIGURE, config(fileFd, name));
    if (errno === 0) return { path, fd };
    closeSync(fd);
    if (errno !== EBUSY || tries === TRIES) throw new SysError('ioctl LOOP_CONFIGURE', errno, path);
  }
}

function freeNumber(): number {
  const control = openSync('/dev/loop-control', constants.O_RDWR);
  try {
    return must('ioctlInt', '/dev/loop-control', control, LOOP_CTL_GET_FREE, 0);
  } finally {
    closeSync(control);
  }
}

function config(fileFd: number, name: string): Buffer {
  const bytes = Buffer.alloc(CONFIG.bytes);
  bytes.writeUInt32LE(fileFd, CONFIG.fd);
  bytes.writeUInt32LE(BLOCK_BYTES, CONFIG.blockSize);
  bytes.writeUInt32LE(LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO, CONFIG.flags);
  bytes.write(name.slice(0, CONFIG.nameBytes - 1), CONFIG.name, 'latin1');
  return bytes;
}
