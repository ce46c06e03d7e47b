import { readNumber } from './numbers.ts';
import { TarError } from './tar-error.ts';

export const BLOCK_BYTES = 512;

/** The fields of one 512-byte header as they stand there; names are latin1. */
export interface RawHeader {
  readonly name: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly typeFlag: string;
  readonly linkName: string;
}

// Layers have tens of thousands of headers: fields are read where they lie, without a view of each.

function text(block: Buffer, from: number, length: number): string {
  let end = from;
  while (end < from + length && block[end] !== 0) end += 1;
  return end === from ? '' : block.toString('latin1', from, end);
}

/** Whether the block is the zeros that end an archive. */
export function isZeroBlock(block: Uint8Array): boolean {
  return block[0] === 0 && block.every((byte) => byte === 0);
}

function checkSum(block: Uint8Array): void {
  let unsigned = 0;
  let high = 0;
  for (let i = 0; i < BLOCK_BYTES; i += 1) {
    const byte = block[i] ?? 0;
    unsigned += byte;
    high += byte >> 7;
  }
  // The field of the sum itself counts as spaces.
  for (let i = 148; i < 156; i += 1) {
    const byte = block[i] ?? 0;
    unsigned += 0x20 - byte;
    high -= byte >> 7;
  }
  const stated = readNumber(block, 148, 156, 'checksum');
  // Some old writers summed signed characters.
  if (stated !== unsigned && stated !== unsigned - 256 * high) {
    throw new TarError('LAYER_TAR_INVALID', 'A tar header has a wrong checksum: the archive is damaged');
  }
}

const USTAR = Buffer.from('ustar\x0000', 'latin1');
const MAGIC_AT = 257;

/** GNU's own magic ("ustar", two spaces) has times where ustar has the start of a long name. */
function hasPrefix(block: Uint8Array): boolean {
  for (let i = 0; i < USTAR.length; i += 1) if (block[MAGIC_AT + i] !== USTAR[i]) return false;
  return block[345] !== 0;
}

/** Reads a header in v7, ustar or GNU format. */
export function readHeader(block: Buffer): RawHeader {
  checkSum(block);
  const name = text(block, 0, 100);
  return {
    name: hasPrefix(block) ? `${text(block, 345, 155)}/${name}` : name,
    mode: readNumber(block, 100, 108, 'mode'),
    uid: readNumber(block, 108, 116, 'uid'),
    gid: readNumber(block, 116, 124, 'gid'),
    size: readNumber(block, 124, 136, 'size'),
    mtime: readNumber(block, 136, 148, 'mtime'),
    typeFlag: String.fromCharCode(block[156] ?? 0),
    linkName: text(block, 157, 100),
  };
}
