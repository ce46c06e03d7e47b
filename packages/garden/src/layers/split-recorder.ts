import { lstatSync, readFileSync, statSync } from 'node:fs';
import { errnoCode } from '../sys/sys-error.ts';
import type { LayerPath } from '../tar/layer-path.ts';
import type { NodeKind } from './layer-tree.ts';
import {
  FILE,
  FILE_HEADER_BYTES,
  FRAME_BYTES,
  LITERAL,
  LITERAL_HEADER_BYTES,
  PATCH_BYTES,
  packFrame,
  SPLIT_BYTES,
  type SplitOutcome,
  type SplitPatch,
} from './split-format.ts';

/** Removals are looked up one by one. No builder's layers have more than a few. */
const MAX_REMOVALS = 1_000;

/** No inode has this number. */
const NONE = 0;

/**
 * Records, while a layer is unpacked, what it takes to make its archive again (tar-split's idea: the archive's bytes,
 * but for the content of files, which the layer itself has). The pieces are handed on packed; memory is held for one,
 * for a number for each file and for little content of files that later entries replaced.
 *
 * Files are looked for by their entry's path later. So what would make that path lead to other content is watched: a
 * file that is removed, whose content is then kept (or the layer is not shareable), and a link on the way that is.
 */
export class SplitRecorder {
  readonly #emit: (frame: Uint8Array<ArrayBuffer>) => void;
  readonly #frame = Buffer.alloc(FRAME_BYTES);
  #fill = 0;
  /** Where the literal record that is being written begins; -1 when there is none. */
  #literalAt = -1;
  /** Inodes of the files in the order of their records; of a file that is gone, NONE. */
  #inodes = new Float64Array(1_024);
  #files = 0;
  readonly #patches: SplitPatch[] = [];
  #patchBytes = 0;
  #splitBytes = 0;
  #removals = 0;
  #reason: string | undefined;

  constructor(emit: (frame: Uint8Array<ArrayBuffer>) => void) {
    this.#emit = emit;
  }

  get shareable(): boolean {
    return this.#reason === undefined;
  }

  /** Bytes as they stand in the archive. */
  literal(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && this.#reason === undefined; ) {
      if (this.#literalAt === -1) this.#beginLiteral();
      const take = Math.min(bytes.length - at, FRAME_BYTES - this.#fill);
      this.#frame.set(take === bytes.length ? bytes : bytes.subarray(at, at + take), this.#fill);
      this.#fill += take;
      at += take;
      if (this.#fill === FRAME_BYTES) this.#flush();
    }
  }

  /** The content of a file that was just written at `path`, in the place where the archive has it. */
  file(path: LayerPath, size: number, inode: number): void {
    if (this.#reason !== undefined) return;
    const name = path.join('/');
    this.#endLiteral();
    if (this.#fill + FILE_HEADER_BYTES + name.length > FRAME_BYTES) this.#flush();
    this.#frame[this.#fill] = FILE;
    this.#frame.writeDoubleLE(size, this.#fill + 1);
    this.#frame.writeUInt16LE(name.length, this.#fill + 9);
    this.#frame.write(name, this.#fill + FILE_HEADER_BYTES, 'latin1');
    this.#fill += FILE_HEADER_BYTES + name.length;
    if (this.#files === this.#inodes.length) {
      const larger = new Float64Array(this.#files * 2);
      larger.set(this.#inodes);
      this.#inodes = larger;
    }
    this.#inodes[this.#files] = inode;
    this.#files += 1;
  }

  /** To be called before something is removed. */
  removing(path: Buffer, kind: NodeKind): void {
    if (this.#reason !== undefined) return;
    if (kind === 'symlink') {
      if (leadsToDirectory(path)) this.#giveUp('a link to a directory is replaced by a later entry');
      return;
    }
    if (kind !== 'file') return;
    this.#removals += 1;
    if (this.#removals > MAX_REMOVALS) this.#giveUp(`more than ${MAX_REMOVALS} files are replaced by later entries`);
    else this.#keepContent(path);
  }

  finish(): SplitOutcome {
    if (this.#reason === undefined) this.#flush();
    if (this.#reason !== undefined) return { shareable: false, reason: this.#reason };
    return { shareable: true, patches: this.#patches };
  }

  #keepContent(path: Buffer): void {
    const { ino, size } = lstatSync(path);
    // The last one: file systems give the inode of a file that is gone to the next.
    const file = this.#inodes.subarray(0, this.#files).lastIndexOf(ino);
    if (file === -1) return;
    this.#patchBytes += size;
    if (this.#patchBytes > PATCH_BYTES) {
      this.#giveUp(`later entries replace files of more than ${PATCH_BYTES} bytes`);
      return;
    }
    this.#inodes[file] = NONE;
    this.#patches.push({ file, bytes: new Uint8Array(readFileSync(path)) });
  }

  #beginLiteral(): void {
    if (this.#fill + LITERAL_HEADER_BYTES >= FRAME_BYTES) this.#flush();
    this.#literalAt = this.#fill;
    this.#frame[this.#fill] = LITERAL;
    this.#fill += LITERAL_HEADER_BYTES;
  }

  #endLiteral(): void {
    if (this.#literalAt === -1) return;
    this.#frame.writeUInt32LE(this.#fill - this.#literalAt - LITERAL_HEADER_BYTES, this.#literalAt + 1);
    this.#literalAt = -1;
  }

  #flush(): void {
    this.#endLiteral();
    if (this.#fill === 0) return;
    const packed = packFrame(this.#frame.subarray(0, this.#fill));
    this.#fill = 0;
    this.#splitBytes += packed.length;
    if (this.#splitBytes > SPLIT_BYTES) this.#giveUp(`its headers alone take more than ${SPLIT_BYTES} bytes`);
    else this.#emit(packed);
  }

  #giveUp(reason: string): void {
    this.#reason ??= reason;
    this.#patches.length = 0;
    this.#inodes = new Float64Array(0);
    this.#files = 0;
  }
}

/** What a link has led to that is gone was removed itself, and noted then. */
function leadsToDirectory(link: Buffer): boolean {
  try {
    return statSync(link).isDirectory();
  } catch (error) {
    if (errnoCode(error) === undefined) throw error;
    return false;
  }
}
