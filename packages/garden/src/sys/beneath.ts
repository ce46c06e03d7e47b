import { cString, must, SYS } from './libc.ts';

const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const O_NONBLOCK = 0o4000;
const O_NOCTTY = 0o400;
const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_NO_SYMLINKS = 0x04n;
const RESOLVE_IN_ROOT = 0x10n;

/** What an open below a root may do. `path` opens only to look (O_PATH), `read` also to read the bytes. */
export type BeneathMode = 'path' | 'read';

/**
 * Opens `path` as a process chrooted to `rootFd` would: links, absolute ones and `..` too, stay inside, by the
 * kernel's own resolution (openat2 with RESOLVE_IN_ROOT). Throws SysError; the caller closes the descriptor.
 */
export function openInRoot(
  rootFd: number,
  path: string | Uint8Array,
  mode: BeneathMode,
  options: { readonly symlinks?: boolean } = {},
): number {
  const flags = mode === 'path' ? O_PATH | O_CLOEXEC : O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  const resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | (options.symlinks === false ? RESOLVE_NO_SYMLINKS : 0n);
  const how = new Uint8Array(new BigUint64Array([BigInt(flags), 0n, resolve]).buffer);
  const subject = typeof path === 'string' ? path : Buffer.from(path).toString('latin1');
  return must('syscallOpenat2', subject, SYS.openat2, rootFd, cString(path), how, how.length);
}
