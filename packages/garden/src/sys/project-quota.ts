import { closeSync, constants, openSync } from 'node:fs';
import { must, SYS } from './libc.ts';

const FS_IOC_FSGETXATTR = 0x801c581f;
const FS_IOC_FSSETXATTR = 0x401c5820;
const FS_XFLAG_PROJINHERIT = 0x200;
/** Where `struct fsxattr` (linux/fs.h) has its parts. */
const FSXATTR = { bytes: 28, flags: 0, project: 12 } as const;

const PRJQUOTA = 2;
const Q_GETQUOTA = 0x800007;
const Q_SETQUOTA = 0x800008;
/** Of the limits in `struct if_dqblk` (linux/quota.h); usage is in bytes. */
const QUOTA_BLOCK_BYTES = 1024;
const DQBLK = { bytes: 72, hardLimit: 0, softLimit: 8, usedBytes: 16, valid: 64 } as const;
const QIF_BLIMITS = 1;

/** The project of a directory, which what is made in it inherits; 0 is none. @throws SysError */
export function projectOf(directory: string): number {
  return withDirectory(directory, (fd) => {
    const attributes = Buffer.alloc(FSXATTR.bytes);
    must('ioctl', directory, fd, FS_IOC_FSGETXATTR, attributes);
    return attributes.readUInt32LE(FSXATTR.project);
  });
}

/** Puts an empty directory into a project, with all that will be in it. @throws SysError */
export function setProject(directory: string, project: number): void {
  withDirectory(directory, (fd) => {
    const attributes = Buffer.alloc(FSXATTR.bytes);
    must('ioctl', directory, fd, FS_IOC_FSGETXATTR, attributes);
    attributes.writeUInt32LE((attributes.readUInt32LE(FSXATTR.flags) | FS_XFLAG_PROJINHERIT) >>> 0, FSXATTR.flags);
    attributes.writeUInt32LE(project, FSXATTR.project);
    must('ioctl', directory, fd, FS_IOC_FSSETXATTR, attributes);
  });
}

/** Limits a project of the file system that `path` is on; 0 bytes is no limit. @throws SysError */
export function limitProject(path: string, project: number, bytes: number): void {
  const quota = Buffer.alloc(DQBLK.bytes);
  const blocks = BigInt(Math.ceil(bytes / QUOTA_BLOCK_BYTES));
  quota.writeBigUInt64LE(blocks, DQBLK.hardLimit);
  quota.writeBigUInt64LE(blocks, DQBLK.softLimit);
  quota.writeUInt32LE(QIF_BLIMITS, DQBLK.valid);
  quotactl(path, Q_SETQUOTA, project, quota);
}

/** What the files of a project take, in bytes. @throws SysError */
export function projectBytes(path: string, project: number): number {
  const quota = Buffer.alloc(DQBLK.bytes);
  quotactl(path, Q_GETQUOTA, project, quota);
  return Number(quota.readBigUInt64LE(DQBLK.usedBytes));
}

function quotactl(path: string, command: number, project: number, quota: Buffer): void {
  withDirectory(path, (fd) => {
    // QCMD of linux/quota.h
    const operation = ((command << 8) | PRJQUOTA) >>> 0;
    must('syscallQuotactlFd', path, SYS.quotactlFd, fd, operation, project, quota);
  });
}

function withDirectory<T>(path: string, use: (fd: number) => T): T {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}
