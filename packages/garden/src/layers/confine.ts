import { must } from '../sys/libc.ts';

const CLONE_FS = 0x200;
const CAPABILITY_VERSION_3 = 0x20080522;

/** Owners, modes, file capabilities and whiteouts of a layer; SYS_ADMIN for trusted.overlay.opaque. */
const KEPT_CAPABILITIES = { chown: 0, dacOverride: 1, fowner: 3, fsetid: 4, sysAdmin: 21, mknod: 27, setfcap: 31 };

/**
 * Confines the calling thread for good: `directory` becomes its root and current directory, its umask 0, and it drops
 * the capabilities that unpacking does not need, CAP_SYS_CHROOT among them. Root, umask and capabilities are a
 * thread's own once unshare(CLONE_FS) has parted them from its process's. From here on only *sync* file calls may be
 * used: Node runs async ones on other threads, which are not confined.
 */
export function confineThread(directory: string): void {
  must('unshare', 'CLONE_FS', CLONE_FS);
  must('chroot', directory, directory);
  must('chdir', '/', '/');
  must('umask', '0', 0);
  let kept = 0;
  for (const capability of Object.values(KEPT_CAPABILITIES)) kept |= 1 << capability;
  const header = new Uint32Array([CAPABILITY_VERSION_3, 0]);
  const sets = new Uint32Array([kept >>> 0, kept >>> 0, 0, 0, 0, 0]);
  must('capset', 'thread', new Uint8Array(header.buffer), new Uint8Array(sets.buffer));
}
