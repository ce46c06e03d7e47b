import { fstatSync, readSync } from 'node:fs';
import {
  FILE,
  FILE_HEADER_BYTES,
  LENGTH_BYTES,
  LITERAL,
  LITERAL_HEADER_BYTES,
  SPLIT_BYTES,
  TRAILER_BYTES,
  unpackFrame,
} from './split-format.ts';

/** A part of an archive: bytes, or the content of a file. `number` counts the files. */
export type SplitPart =
  | { readonly kind: 'literal'; readonly bytes: Buffer }
  | { readonly kind: 'file'; readonly number: number; readonly path: Buffer; readonly size: number };

/** Reads a split with sync calls, a frame at a time. Throws when the file is damaged. */
export class SplitReader {
  readonly #fd: number;
  readonly #patchesAt: number;
  readonly #end: number;
  /** Content of files that later entries of the archive replaced, by the files' numbers. */
  readonly patches: ReadonlyMap<number, Buffer>;

  constructor(fd: number) {
    this.#fd = fd;
    this.#end = fstatSync(fd).size - TRAILER_BYTES;
    if (this.#end < 0) throw damaged();
    this.#patchesAt = this.#read(this.#end, TRAILER_BYTES).readDoubleLE();
    if (!Number.isSafeInteger(this.#patchesAt) || this.#patchesAt < 0 || this.#patchesAt > this.#end) throw damaged();
    const patches = new Map<number, Buffer>();
    for (const patch of this.#frames(this.#patchesAt, this.#end)) {
      if (patch.length < LENGTH_BYTES) throw damaged();
      patches.set(patch.readUInt32LE(), patch.subarray(LENGTH_BYTES));
    }
    this.patches = patches;
  }

  /** The archive's parts in order. */
  *parts(): Generator<SplitPart> {
    let number = 0;
    for (const frame of this.#frames(0, this.#patchesAt)) {
      for (let at = 0; at < frame.length; ) {
        const kind = frame[at];
        if (kind === LITERAL && at + LITERAL_HEADER_BYTES <= frame.length) {
          const from = at + LITERAL_HEADER_BYTES;
          at = from + frame.readUInt32LE(at + 1);
          if (at > frame.length) throw damaged();
          yield { kind: 'literal', bytes: frame.subarray(from, at) };
        } else if (kind === FILE && at + FILE_HEADER_BYTES <= frame.length) {
          const size = frame.readDoubleLE(at + 1);
          const from = at + FILE_HEADER_BYTES;
          at = from + frame.readUInt16LE(at + 9);
          if (at > frame.length || !Number.isSafeInteger(size) || size < 0) throw damaged();
          yield { kind: 'file', number, path: frame.subarray(from, at), size };
          number += 1;
        } else throw damaged();
      }
    }
  }

  *#frames(from: number, to: number): Generator<Buffer> {
    for (let at = from; at < to; ) {
      if (at + LENGTH_BYTES > to) throw damaged();
      const length = this.#read(at, LENGTH_BYTES).readUInt32LE();
      at += LENGTH_BYTES;
      if (length > SPLIT_BYTES || at + length > to) throw damaged();
      yield unpackFrame(this.#read(at, length));
      at += length;
    }
  }

  #read(at: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let got = 0; got < length; ) {
      const more = readSync(this.#fd, bytes, got, length - got, at + got);
      if (more === 0) throw damaged();
      got += more;
    }
    return bytes;
  }
}

function damaged(): Error {
  return new Error('the split of the layer is damaged');
}
