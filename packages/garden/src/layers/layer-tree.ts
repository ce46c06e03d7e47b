import { lstatSync, mkdirSync, readdirSync, rmdirSync, type Stats, statSync, unlinkSync } from 'node:fs';
import { makeWhiteout } from '../sys/files.ts';
import { errnoCode } from '../sys/sys-error.ts';
import { setXattr } from '../sys/xattr.ts';
import type { LayerPath } from '../tar/layer-path.ts';
import { showPath, TarError } from '../tar/tar-error.ts';

/** What is at a path itself. `other` is what no layer can make. */
export type NodeKind = 'file' | 'directory' | 'symlink' | 'whiteout' | 'other';

const OPAQUE = 'trusted.overlay.opaque';
const YES = Buffer.from('y');
const SLASH = Buffer.from('/');

/** The absolute path, as bytes, of an entry below the thread's root. */
export function pathBytes(path: LayerPath): Buffer {
  return Buffer.from(`/${path.join('/')}`, 'latin1');
}

function classify(stats: Stats): NodeKind {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  return stats.isCharacterDevice() && stats.rdev === 0 ? 'whiteout' : 'other';
}

/** Is told of each file and symlink before it is removed, for a later entry takes its place. */
export type OnRemoval = (path: Buffer, kind: NodeKind) => void;

/** The directory tree of one layer at the thread's root: makes nodes, and what must be there or gone before. */
export class LayerTree {
  readonly #onRemoval: OnRemoval;

  constructor(onRemoval: OnRemoval) {
    this.#onRemoval = onRemoval;
  }

  /** What is at the path; undefined when nothing is, or when it is below something that is no directory. */
  kindOf(path: Buffer): NodeKind | undefined {
    try {
      return classify(lstatSync(path));
    } catch (error) {
      const code = errnoCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw error;
    }
  }

  /** Makes a node with `make`, replacing what is there (a later entry of one path counts) and adding parents. */
  create<T>(path: LayerPath, make: (at: Buffer) => T): T {
    const at = pathBytes(path);
    // Nearly always the parent is there and the path is free; looking first would cost two calls for each file.
    try {
      return make(at);
    } catch (error) {
      const code = errnoCode(error);
      if (code === 'EEXIST') this.#removeTree(at);
      else if (code === 'ENOENT' || code === 'ENOTDIR') this.#makeParents(path);
      else throw error;
    }
    try {
      return make(at);
    } catch (error) {
      if (errnoCode(error) !== 'EEXIST') throw error;
      this.#removeTree(at);
      return make(at);
    }
  }

  /** Makes a directory, or keeps the one there. One that replaces a whiteout hides what the whiteout hid. */
  makeDirectory(path: LayerPath): void {
    const at = pathBytes(path);
    try {
      mkdirSync(at, 0o755);
      return;
    } catch (error) {
      const code = errnoCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') this.#makeParents(path);
      else if (code !== 'EEXIST') throw error;
    }
    const kind = this.kindOf(at);
    if (kind === 'directory') return;
    if (kind !== undefined) this.#unlink(at, kind);
    mkdirSync(at, 0o755);
    if (kind === 'whiteout') setXattr(at, OPAQUE, YES);
  }

  /** Hides a name of the layers below. What this layer itself has there stays, with nothing of theirs in it. */
  makeWhiteout(path: LayerPath): void {
    const at = pathBytes(path);
    const kind = this.kindOf(at);
    if (kind === 'directory') setXattr(at, OPAQUE, YES);
    if (kind !== undefined) return;
    this.#makeParents(path);
    makeWhiteout(at);
  }

  /** Hides what the layers below have in a directory. */
  makeOpaque(path: LayerPath): void {
    this.#makeParents([...path, '']);
    const at = pathBytes(path);
    if (this.kindOf(at) !== 'directory') {
      throw new TarError('LAYER_ENTRY_INVALID', `${showPath(path.join('/'))} is marked opaque and no directory`);
    }
    setXattr(at, OPAQUE, YES);
  }

  remove(path: LayerPath): void {
    this.#removeTree(pathBytes(path));
  }

  #makeParents(path: LayerPath): void {
    for (let depth = 1; depth < path.length; depth += 1) {
      const at = pathBytes(path.slice(0, depth));
      const kind = this.kindOf(at);
      if (kind === 'directory') continue;
      if (kind === 'symlink' && statSync(at, { throwIfNoEntry: false })?.isDirectory()) continue;
      if (kind === undefined || kind === 'whiteout') {
        this.makeDirectory(path.slice(0, depth));
        continue;
      }
      const what = kind === 'symlink' ? 'a link to no directory' : `a ${kind}`;
      throw new TarError('LAYER_ENTRY_INVALID', `${showPath(path.join('/'))} is below ${what}`);
    }
  }

  #removeTree(path: Buffer): void {
    const kind = this.kindOf(path);
    if (kind === undefined) return;
    if (kind !== 'directory') {
      this.#unlink(path, kind);
      return;
    }
    for (const name of readdirSync(path, { encoding: 'buffer' })) {
      this.#removeTree(Buffer.concat([path, SLASH, name]));
    }
    rmdirSync(path);
  }

  #unlink(path: Buffer, kind: NodeKind): void {
    this.#onRemoval(path, kind);
    unlinkSync(path);
  }
}
