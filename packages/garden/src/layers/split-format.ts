import { constants as zlib, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

/*
 * The split of a layer: what it takes, together with the unpacked files, to make its tar archive again bit for bit.
 *
 *   frame*  patch*  offset of the first patch (8 bytes)
 *
 * Frames and patches are a length (4 bytes) and as many bytes of zstd. A frame unpacks to whole records:
 *   1, length (4), bytes            bytes as they stand in the archive
 *   2, size (8), length (2), path   the content of a file; path as bytes, relative to the layer
 * A patch unpacks to the number of a file among the records of kind 2 (4 bytes, from 0) and its content, which a later
 * entry replaced. Numbers are little-endian.
 */

/** Unpacked bytes of a frame, at most. Memory is held for one at a time. */
export const FRAME_BYTES = 256 * 1024;

/** Content of files that a later entry replaced, of all such files of a layer; kept in memory until its end. */
export const PATCH_BYTES = 1024 * 1024;

/** Bytes of a split on disk; a layer that would need more is not shared. */
export const SPLIT_BYTES = 64 * 1024 * 1024;

export const LENGTH_BYTES = 4;
export const TRAILER_BYTES = 8;

export const LITERAL = 1;
export const FILE = 2;
export const LITERAL_HEADER_BYTES = 5;
export const FILE_HEADER_BYTES = 11;

/** What a recorder's frames were worth: content for some references, or why there can be no split. */
export type SplitOutcome =
  | { readonly shareable: true; readonly patches: readonly SplitPatch[] }
  | { readonly shareable: false; readonly reason: string };

/** The content of a file, by its number among the split's files, that the layer has no more. */
export interface SplitPatch {
  readonly file: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const options = { params: { [zlib.ZSTD_c_compressionLevel]: 1 } } as const;

/** Packs a frame or a patch, with its length before it. */
export function packFrame(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const packed = zstdCompressSync(bytes, options);
  const frame = new Uint8Array(LENGTH_BYTES + packed.length);
  new DataView(frame.buffer).setUint32(0, packed.length, true);
  frame.set(packed, LENGTH_BYTES);
  return frame;
}

/** Unpacks what follows the length. Throws when it is damaged, or unpacks to more than a frame or patch may have. */
export function unpackFrame(packed: Uint8Array): Buffer {
  return zstdDecompressSync(packed, { maxOutputLength: LENGTH_BYTES + PATCH_BYTES });
}
