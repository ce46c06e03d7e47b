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

function text(block: Uint8Array, from: number, length: number): string {
  const field = block.subarray(from, from + length);
  const end = field.indexOf(0);
  return Buffer.from(end === -1 ? field : field.subarray(0, end)).toString('latin1');
}

/** Whether the block is the zeros that end an archive. */
export function isZeroBlock(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

function checkSum(block: Uint8Array): void {
  let unsigned = 0;
  let signed = 0;
  for (let i = 0; i < BLOCK_BYTES; i += 1) {
    // The field of the sum itself counts as spaces.
    const byte = i >= 148 && i < 156 ? 0x20 : (block[i] ?? 0);
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  const stated = readNumber(block.subarray(148, 156), 'checksum');
  // Some old writers summed signed characters.
  if (stated !== unsigned && stated !== signed) {
    throw new TarError('LAYER_TAR_INVALID', 'A tar header has a wrong checksum: the archive is damaged');
  }
}

/** Reads a header in v7, ustar or GNU format. */
export function readHeader(block: Uint8Array): RawHeader {
  checkSum(block);
  const name = text(block, 0, 100);
  // GNU's own magic ("ustar", two spaces) has times where ustar has the start of a long name.
  const isUstar = text(block, 257, 6) === 'ustar' && block[263] === 0x30 && block[264] === 0x30;
  const prefix = isUstar ? text(block, 345, 155) : '';
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    mode: readNumber(block.subarray(100, 108), 'mode'),
    uid: readNumber(block.subarray(108, 116), 'uid'),
    gid: readNumber(block.subarray(116, 124), 'gid'),
    size: readNumber(block.subarray(124, 136), 'size'),
    mtime: readNumber(block.subarray(136, 148), 'mtime'),
    typeFlag: String.fromCharCode(block[156] ?? 0),
    linkName: text(block, 157, 100),
  };
}
