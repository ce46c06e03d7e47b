import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { openInRoot } from '../sys/beneath.ts';
import { type SplitPart, SplitReader } from './split-reader.ts';

/** Bytes of one piece of an archive. */
const PIECE_BYTES = 256 * 1024;

/** What an archive is made of. */
export interface ArchiveParts {
  /** The unpacked layer. */
  readonly directory: string;
  /** The file with its split. */
  readonly splitFile: string;
}

type FilePart = SplitPart & { readonly kind: 'file' };

/**
 * Makes a layer's archive again from byte `from` on, with sync calls, in pieces that are the receiver's own. Files are
 * opened beneath the layer by the kernel's own resolution: no path or link in it leads out. Throws when a file is not
 * what the split says; the bytes themselves have to be verified by who gets them.
 */
export function* assembleArchive(parts: ArchiveParts, from: number): Generator<Uint8Array<ArrayBuffer>> {
  const splitFd = openSync(parts.splitFile, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const rootFd = openSync(parts.directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    try {
      yield* assemble(new SplitReader(splitFd), rootFd, from);
    } finally {
      closeSync(rootFd);
    }
  } finally {
    closeSync(splitFd);
  }
}

function* assemble(split: SplitReader, rootFd: number, from: number): Generator<Uint8Array<ArrayBuffer>> {
  let piece = new Uint8Array(PIECE_BYTES);
  let fill = 0;
  let skip = from;
  for (const part of split.parts()) {
    const size = part.kind === 'file' ? part.size : part.bytes.length;
    if (skip >= size) {
      skip -= size;
      continue;
    }
    const content = part.kind === 'file' ? openContent(split, rootFd, part) : memoryContent(part.bytes);
    try {
      for (let at = skip; at < size; ) {
        const got = content.read(piece, fill, Math.min(size - at, PIECE_BYTES - fill), at);
        if (got === 0) throw new Error('a file of the layer became shorter');
        at += got;
        fill += got;
        if (fill < PIECE_BYTES) continue;
        yield piece;
        piece = new Uint8Array(PIECE_BYTES);
        fill = 0;
      }
    } finally {
      content.close();
    }
    skip = 0;
  }
  if (fill > 0) yield piece.subarray(0, fill);
}

interface Content {
  /** Puts up to `length` bytes, from `position` on, into `target` at `offset`; returns how many. */
  read(target: Uint8Array, offset: number, length: number, position: number): number;
  close(): void;
}

function memoryContent(bytes: Uint8Array): Content {
  return {
    read: (target, offset, length, position) => {
      target.set(bytes.subarray(position, position + length), offset);
      return length;
    },
    close: () => undefined,
  };
}

function openContent(split: SplitReader, rootFd: number, { number, path, size }: FilePart): Content {
  const patch = split.patches.get(number);
  if (patch !== undefined) {
    if (patch.length !== size) throw new Error('the split of the layer is damaged');
    return memoryContent(patch);
  }
  const fd = openInRoot(rootFd, path, 'read');
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile() || stats.size !== size) throw new Error('a file of the layer is not what it was');
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return {
    read: (target, offset, length, position) => readSync(fd, target, offset, length, position),
    close: () => closeSync(fd),
  };
}
