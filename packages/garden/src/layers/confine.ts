import { type BigIntStats, statSync } from 'node:fs';
import { promisify } from 'node:util';
import { deflateRaw } from 'node:zlib';
import { must } from '../sys/libc.ts';
import { TarError } from '../tar/tar-error.ts';
import { filterThread } from './thread-filter.ts';

const CLONE_FS = 0x200;
const CLONE_NEWNET = 0x4000_0000;
const CAPABILITY_VERSION_3 = 0x20080522;

/** Owners, modes, file capabilities and whiteouts of a layer; SYS_ADMIN for trusted.overlay.opaque. */
const KEPT_CAPABILITIES = { chown: 0, dacOverride: 1, fowner: 3, fsetid: 4, sysAdmin: 21, mknod: 27, setfcap: 31 };

/** Which directory a directory is; numbers as text, since they cross a thread boundary and have 64 bits. */
export interface DirectoryIdentity {
  readonly device: string;
  readonly inode: string;
}

/** What a thread is to be confined to, as the thread that starts it sees it. */
export interface ConfinementOrder {
  readonly directory: string;
  readonly layerRoot: DirectoryIdentity;
  readonly hostRoot: DirectoryIdentity;
}

export function identifyDirectory(path: string): DirectoryIdentity {
  const stats: BigIntStats = statSync(path, { bigint: true });
  return { device: String(stats.dev), inode: String(stats.ino) };
}

function same(a: DirectoryIdentity, b: DirectoryIdentity): boolean {
  return a.device === b.device && a.inode === b.inode;
}

/**
 * Throws unless the calling thread's root is the layer's directory and not the host's. Asked twice, by what confines
 * the thread and by what writes: an unpacker at the wrong root would apply an image to the machine itself.
 */
export function assertConfined(order: ConfinementOrder): void {
  for (const path of ['/', '/..', '.']) {
    const actual = identifyDirectory(path);
    if (same(actual, order.layerRoot) && !same(actual, order.hostRoot)) continue;
    throw new TarError('LAYER_STORE_FAILED', `The unpacker is not confined to its layer: ${path} is another directory`);
  }
}

/**
 * Makes sure that the threads which the whole process uses for async work are there. Were a confined thread the first
 * to need one (unpacking gzip does), it would start them all, and they would have its root and no network: the rest of
 * the process would then read its files and look up its names in the layer. To be awaited before `confineThread`.
 */
export async function startSharedThreads(): Promise<void> {
  await promisify(deflateRaw)(Buffer.alloc(0));
}

/**
 * Confines the calling thread for good: `directory` becomes its root and current directory, its umask 0, it has a
 * network of its own in which there is nothing, it drops the capabilities that unpacking does not need, CAP_SYS_CHROOT
 * among them, and system calls that it does not need are refused. All of that is a thread's own once unshare(2) has
 * parted it from its process. From here on only *sync* file calls may be used: Node runs async ones on other threads,
 * which are not confined.
 */
export function confineThread(order: ConfinementOrder): void {
  must('unshare', 'file system and network', CLONE_FS | CLONE_NEWNET);
  must('chroot', order.directory, order.directory);
  must('chdir', '/', '/');
  assertConfined(order);
  must('umask', '0', 0);
  let kept = 0;
  for (const capability of Object.values(KEPT_CAPABILITIES)) kept |= 1 << capability;
  const header = new Uint32Array([CAPABILITY_VERSION_3, 0]);
  const sets = new Uint32Array([kept >>> 0, kept >>> 0, 0, 0, 0, 0]);
  must('capset', 'thread', new Uint8Array(header.buffer), new Uint8Array(sets.buffer));
  filterThread();
}
