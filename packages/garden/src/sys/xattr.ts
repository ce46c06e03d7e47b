import { attempt, calls, cString, must } from './libc.ts';
import { SysError } from './sys-error.ts';

const ENOTSUP = 95;
const ENODATA = 61;

/** Sets an extended attribute of what is at `path` itself, never of what a link there points to. */
export function setXattr(path: Uint8Array | string, name: Uint8Array | string, value: Uint8Array): void {
  must('lsetxattr', String(name), cString(path), cString(name), value, value.length, 0);
}

/** The same on an open file; false when the file system has no such attributes. */
export function setXattrOfFile(fd: number, name: Uint8Array | string, value: Uint8Array): boolean {
  const errno = attempt('fsetxattr', fd, cString(name), value, value.length, 0);
  if (errno === ENOTSUP) return false;
  if (errno !== 0) throw new SysError('fsetxattr', errno, Buffer.from(name).toString());
  return true;
}

/** An extended attribute of what is at `path` itself; undefined when it has none of that name. */
export function getXattr(path: Uint8Array | string, name: string): Buffer | undefined {
  const value = Buffer.alloc(65_536);
  const length = Number(calls.lgetxattr(cString(path), cString(name), value, value.length));
  if (length >= 0) return value.subarray(0, length);
  const errno = attempt('lgetxattr', cString(path), cString(name), value, value.length);
  if (errno === ENODATA || errno === ENOTSUP) return undefined;
  throw new SysError('lgetxattr', errno, name);
}
