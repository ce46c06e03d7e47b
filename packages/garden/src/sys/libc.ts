import koffi from 'koffi';
import { SysError } from './sys-error.ts';

// The kernel interfaces that Node does not offer, called in libc on the calling thread. Only glibc has this soname.
const libc = koffi.load('libc.so.6');

/** A function of libc that returns -1 and sets errno when it fails. */
interface Call {
  (...args: Argument[]): number;
  /** The same on another thread; ends with a Node callback. */
  async: (...args: (Argument | ((error: Error | null, result: number) => void))[]) => void;
}

/** `struct sock_fprog`: how many instructions, and where they are. */
export interface FilterProgram {
  readonly len: number;
  readonly filter: Uint8Array;
}

koffi.struct('FilterProgram', { len: 'uint16', filter: 'const uint8_t *' });

type Argument = string | number | bigint | Uint8Array | FilterProgram | null;

function bind(name: string, result: string, args: string[]): Call {
  return libc.func(name, result, args) as Call;
}

/** Calls by their libc names. Strings are UTF-8; paths that may be other bytes are NUL-terminated buffers. */
export const calls: Readonly<Record<CallName, Call>> = {
  unshare: bind('unshare', 'int', ['int']),
  setns: bind('setns', 'int', ['int', 'int']),
  chroot: bind('chroot', 'int', ['str']),
  chdir: bind('chdir', 'int', ['str']),
  umask: bind('umask', 'int', ['uint']),
  mount: bind('mount', 'int', ['str', 'str', 'str', 'ulong', 'str']),
  umount2: bind('umount2', 'int', ['str', 'int']),
  mknod: bind('mknod', 'int', ['const uint8_t *', 'uint', 'ulong']),
  lsetxattr: bind('lsetxattr', 'int', ['const uint8_t *', 'const uint8_t *', 'const uint8_t *', 'size_t', 'int']),
  fsetxattr: bind('fsetxattr', 'int', ['int', 'const uint8_t *', 'const uint8_t *', 'size_t', 'int']),
  lgetxattr: bind('lgetxattr', 'long', ['const uint8_t *', 'const uint8_t *', 'uint8_t *', 'size_t']),
  utimensat: bind('utimensat', 'int', ['int', 'const uint8_t *', 'const uint8_t *', 'int']),
  futimens: bind('futimens', 'int', ['int', 'const uint8_t *']),
  syncfs: bind('syncfs', 'int', ['int']),
  flock: bind('flock', 'int', ['int', 'int']),
  fcntl: bind('fcntl', 'int', ['int', 'int', 'long']),
  lseek: bind('lseek', 'long', ['int', 'long', 'int']),
  prctl: bind('prctl', 'int', ['int', 'ulong', 'ulong', 'ulong', 'ulong']),
  prctlFilter: bind('prctl', 'int', ['int', 'ulong', 'const FilterProgram *']),
  capset: bind('capset', 'int', ['const uint8_t *', 'const uint8_t *']),
  socket: bind('socket', 'int', ['int', 'int', 'int']),
  connect: bind('connect', 'int', ['int', 'const uint8_t *', 'uint']),
  ioctl: bind('ioctl', 'int', ['int', 'ulong', 'uint8_t *']),
  ioctlInt: bind('ioctl', 'int', ['int', 'ulong', 'long']),
  setsockopt: bind('setsockopt', 'int', ['int', 'int', 'int', 'const uint8_t *', 'uint']),
  send: bind('send', 'long', ['int', 'const uint8_t *', 'size_t', 'int']),
  recv: bind('recv', 'long', ['int', 'uint8_t *', 'size_t', 'int']),
  // Called without its "...": integers and pointers go into the same registers either way on x86-64 and arm64 Linux.
  syscallOpenTree: bind('syscall', 'long', ['long', 'int', 'str', 'uint']),
  syscallMountSetattr: bind('syscall', 'long', ['long', 'int', 'str', 'uint', 'const uint8_t *', 'size_t']),
  syscallMoveMount: bind('syscall', 'long', ['long', 'int', 'str', 'int', 'str', 'uint']),
  syscallOpenat2: bind('syscall', 'long', ['long', 'int', 'const uint8_t *', 'const uint8_t *', 'size_t']),
  syscallQuotactlFd: bind('syscall', 'long', ['long', 'uint', 'uint', 'uint', 'uint8_t *']),
  syscallPidfdOpen: bind('syscall', 'long', ['long', 'int', 'uint']),
  syscallPidfdSendSignal: bind('syscall', 'long', ['long', 'int', 'int', 'const uint8_t *', 'uint']),
};

type CallName =
  | 'unshare'
  | 'setns'
  | 'chroot'
  | 'chdir'
  | 'umask'
  | 'mount'
  | 'umount2'
  | 'mknod'
  | 'lsetxattr'
  | 'fsetxattr'
  | 'lgetxattr'
  | 'utimensat'
  | 'futimens'
  | 'syncfs'
  | 'flock'
  | 'fcntl'
  | 'lseek'
  | 'prctl'
  | 'prctlFilter'
  | 'capset'
  | 'socket'
  | 'connect'
  | 'ioctl'
  | 'ioctlInt'
  | 'setsockopt'
  | 'send'
  | 'recv'
  | 'syscallOpenTree'
  | 'syscallMountSetattr'
  | 'syscallMoveMount'
  | 'syscallOpenat2'
  | 'syscallQuotactlFd'
  | 'syscallPidfdOpen'
  | 'syscallPidfdSendSignal';

/** Numbers of the newer system calls, the same on every architecture. */
export const SYS = {
  pidfdSendSignal: 424,
  openTree: 428,
  moveMount: 429,
  pidfdOpen: 434,
  openat2: 437,
  mountSetattr: 442,
  quotactlFd: 443,
} as const;

export const AT_FDCWD = -100;

/** Calls and throws a SysError that names the call and its subject when it fails. */
export function must(name: CallName, subject: string, ...args: Argument[]): number {
  const result = Number(calls[name](...args));
  if (result === -1) throw new SysError(name, koffi.errno(), subject);
  return result;
}

/** The errno of a call that may fail, 0 when it did not. */
export function attempt(name: CallName, ...args: Argument[]): number {
  return Number(calls[name](...args)) === -1 ? koffi.errno() : 0;
}

/** A NUL-terminated copy of a path given as bytes or as a UTF-8 string. */
export function cString(path: Uint8Array | string): Buffer {
  const bytes = typeof path === 'string' ? Buffer.from(path, 'utf8') : path;
  const copy = Buffer.alloc(bytes.length + 1);
  copy.set(bytes);
  return copy;
}

/** Calls on another thread and rejects when it fails. The errno belongs to that thread and is not known. */
export async function mustAsync(name: CallName, subject: string, ...args: Argument[]): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    calls[name].async(...args, (error, result) => {
      if (error === null && Number(result) !== -1) resolve();
      else reject(error ?? new Error(`${name} '${subject}' failed`));
    });
  });
}
