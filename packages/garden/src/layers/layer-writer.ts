import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  lchownSync,
  linkSync,
  openSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { setModifiedTime, setModifiedTimeOfFile } from '../sys/files.ts';
import { errnoCode } from '../sys/sys-error.ts';
import { setXattr, setXattrOfFile } from '../sys/xattr.ts';
import type { TarEntry, TarSink } from '../tar/entry.ts';
import { type LayerPath, parseLayerPath, parseWhiteout } from '../tar/layer-path.ts';
import type { LayerLimits } from '../tar/limits.ts';
import { showPath, TarError } from '../tar/tar-error.ts';
import { assertConfined, type ConfinementOrder } from './confine.ts';
import { DirectoryTimes } from './directory-times.ts';
import { LayerTree, pathBytes } from './layer-tree.ts';
import { HighIds, type OwnedIds } from './owned-ids.ts';
import type { SplitRecorder } from './split-recorder.ts';
import { isXattrAllowed } from './xattr-policy.ts';

/** What a layer turned out to be. */
export interface LayerContents {
  readonly entries: number;
  /** Bytes of all files' content. */
  readonly fileBytes: number;
  /** Device nodes, FIFOs and links to them, which containers get from the cell and not from images. */
  readonly skipped: number;
  readonly ids: OwnedIds;
  /** The layer hides everything of the layers below. overlayfs does not heed the mark on a layer's root. */
  readonly opaqueRoot: boolean;
}

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

interface OpenFile {
  readonly fd: number;
  readonly entry: TarEntry;
  readonly path: LayerPath;
}

/**
 * Applies a tar archive to the root directory of the calling thread, in overlayfs's own format (whiteouts are
 * character devices 0/0, opaque directories carry trusted.overlay.opaque), with sync calls only. It follows links in
 * parent paths, as Docker does: **the caller must have confined the thread** so that there is nothing to reach. It
 * looks for itself whether that is so, before it writes anything.
 */
export class LayerWriter implements TarSink {
  readonly #limits: LayerLimits;
  readonly #tree: LayerTree;
  readonly #split: SplitRecorder | undefined;
  readonly #directoryTimes: DirectoryTimes;
  readonly #ids = new HighIds();
  /** Paths that were device nodes or FIFOs, so that hardlinks to them are skipped too. */
  readonly #skippedPaths = new Set<string>();
  #open: OpenFile | undefined;
  #entries = 0;
  #fileBytes = 0;
  #skipped = 0;
  #opaqueRoot = false;

  /** @throws TarError LAYER_STORE_FAILED when the thread's root is not the layer */
  constructor(limits: LayerLimits, confinement: ConfinementOrder, split?: SplitRecorder) {
    assertConfined(confinement);
    this.#limits = limits;
    this.#split = split;
    this.#tree = new LayerTree((path, kind) => split?.removing(path, kind));
    this.#directoryTimes = new DirectoryTimes(limits.directoryNameBytes);
  }

  begin(entry: TarEntry): void {
    this.#entries += 1;
    if (this.#entries > this.#limits.entries) {
      throw new TarError(
        'LAYER_LIMIT_EXCEEDED',
        `The layer has more than the limit of ${this.#limits.entries} entries`,
        {
          limit: this.#limits.entries,
        },
      );
    }
    try {
      this.#apply(entry, parseLayerPath(entry.path, this.#limits.pathBytes));
    } catch (error) {
      throw explain(error, entry.path);
    }
  }

  data(bytes: Uint8Array): void {
    const open = this.#open;
    if (open === undefined) {
      this.#split?.literal(bytes);
      return;
    }
    this.#fileBytes += bytes.length;
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(open.fd, bytes, at, bytes.length - at);
    } catch (error) {
      throw explain(error, open.entry.path);
    }
  }

  end(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    const { fd, entry, path } = open;
    try {
      const { ino, uid, gid, mode } = fstatSync(fd);
      if (entry.size > 0 && this.#split?.shareable === true) this.#split.file(path, entry.size, ino);
      const owned = uid === entry.uid && gid === entry.gid;
      if (!owned) fchownSync(fd, entry.uid, entry.gid);
      // After chown, which clears setuid and file capabilities.
      if (!owned || (mode & 0o7777) !== entry.mode) fchmodSync(fd, entry.mode);
      for (const [name, value] of allowedXattrs(entry)) setXattrOfFile(fd, name, value);
      setModifiedTimeOfFile(fd, entry.mtime);
    } catch (error) {
      throw explain(error, entry.path);
    } finally {
      closeSync(fd);
    }
  }

  /** Sets what could only be set last. To be called once, after the archive's end. */
  finish(): LayerContents {
    try {
      this.#directoryTimes.apply((path) => this.#tree.kindOf(path) === 'directory');
    } catch (error) {
      throw explain(error, 'a directory');
    }
    return {
      entries: this.#entries,
      fileBytes: this.#fileBytes,
      skipped: this.#skipped,
      ids: this.#ids.result(),
      opaqueRoot: this.#opaqueRoot,
    };
  }

  /** Closes what an unfinished archive left open. */
  abandon(): void {
    if (this.#open !== undefined) closeSync(this.#open.fd);
    this.#open = undefined;
  }

  #apply(entry: TarEntry, path: LayerPath): void {
    const whiteout = parseWhiteout(path);
    if (whiteout.kind === 'ignored') return;
    if (whiteout.kind === 'opaque') {
      if (path.length === 1) this.#opaqueRoot = true;
      this.#tree.makeOpaque(path.slice(0, -1));
      return;
    }
    if (whiteout.kind === 'whiteout') {
      this.#tree.makeWhiteout([...path.slice(0, -1), whiteout.name]);
      return;
    }
    if (path.length === 0 && entry.type !== 'directory') {
      throw new TarError('LAYER_ENTRY_INVALID', `The root of the layer is a ${entry.type}`);
    }
    if (entry.type !== 'special' && entry.type !== 'hardlink') {
      this.#ids.add(entry.uid);
      this.#ids.add(entry.gid);
    }
    switch (entry.type) {
      case 'directory':
        this.#directory(entry, path);
        break;
      case 'file':
        this.#open = { fd: this.#tree.create(path, (at) => openSync(at, CREATE, entry.mode & 0o777)), entry, path };
        break;
      case 'symlink':
        this.#symlink(entry, path);
        break;
      case 'hardlink':
        this.#hardlink(entry, path);
        break;
      case 'special':
        this.#skip(path);
    }
  }

  #directory(entry: TarEntry, path: LayerPath): void {
    const at = pathBytes(path);
    this.#tree.makeDirectory(path);
    lchownSync(at, entry.uid, entry.gid);
    chmodSync(at, entry.mode); // a directory, and this thread alone is here
    for (const [name, value] of allowedXattrs(entry)) setXattr(at, name, value);
    this.#directoryTimes.note(path, entry.mtime);
  }

  #symlink(entry: TarEntry, path: LayerPath): void {
    const target = Buffer.from(entry.linkTarget, 'latin1');
    if (target.length === 0 || target.length > this.#limits.pathBytes || target.includes(0)) {
      throw new TarError('LAYER_ENTRY_INVALID', `${showPath(entry.path)} is a symlink with an impossible target`);
    }
    // Verbatim: where it leads is for the container's kernel to say, inside the container.
    this.#tree.create(path, (at) => symlinkSync(target, at));
    const at = pathBytes(path);
    lchownSync(at, entry.uid, entry.gid);
    setModifiedTime(at, entry.mtime);
  }

  #hardlink(entry: TarEntry, path: LayerPath): void {
    const targetPath = parseLayerPath(entry.linkTarget, this.#limits.pathBytes);
    if (this.#skippedPaths.has(targetPath.join('/'))) {
      this.#skip(path);
      return;
    }
    const target = pathBytes(targetPath);
    const kind = this.#tree.kindOf(target);
    if (kind !== 'file' && kind !== 'symlink') {
      const what = kind === undefined || kind === 'whiteout' ? 'not in the layer before it' : `a ${kind}`;
      throw new TarError(
        'LAYER_ENTRY_INVALID',
        `${showPath(entry.path)} is a hardlink to ${showPath(entry.linkTarget)}, which is ${what}`,
      );
    }
    if (targetPath.join('/') === path.join('/')) return;
    this.#tree.create(path, (at) => linkSync(target, at));
  }

  #skip(path: LayerPath): void {
    // It still replaces what an earlier entry made there.
    this.#tree.remove(path);
    const name = path.join('/');
    this.#directoryTimes.spend(name.length);
    this.#skippedPaths.add(name);
    this.#skipped += 1;
  }
}

function* allowedXattrs(entry: TarEntry): Generator<readonly [Buffer, Buffer]> {
  for (const [name, text] of entry.xattrs) {
    const value = Buffer.from(text, 'latin1');
    if (isXattrAllowed(name, value)) yield [Buffer.from(name, 'latin1'), value];
  }
}

/** Says which entry a file error is about. The layer is at fault, but for a disk that is full or broken. */
function explain(error: unknown, path: string): unknown {
  if (error instanceof TarError) return error;
  const code = errnoCode(error) ?? 'UNKNOWN';
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new TarError('LAYER_STORE_FULL', `The disk of the layer store is full (${code}) at ${showPath(path)}`);
  }
  if (code === 'EIO' || code === 'EROFS' || code === 'EMFILE' || code === 'ENFILE' || code === 'ENOMEM') {
    return new TarError('LAYER_STORE_FAILED', `The layer store failed with ${code} at ${showPath(path)}`);
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new TarError('LAYER_ENTRY_INVALID', `${showPath(path)} cannot be applied: ${reason}`, { errno: code });
}
