import { readDecimal } from './numbers.ts';
import { TarError } from './tar-error.ts';

/** Records of a pax extended header, values in latin1. Later records replace earlier ones of the same key. */
export type PaxRecords = ReadonlyMap<string, string>;

function malformed(): TarError {
  return new TarError('LAYER_TAR_INVALID', 'A pax header is not made of "length key=value" records');
}

/** Reads `LENGTH KEY=VALUE\n` records (POSIX pax interchange format), where LENGTH counts the whole record. */
export function readPaxRecords(bytes: Uint8Array): PaxRecords {
  const records = new Map<string, string>();
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at < buffer.length) {
    const space = buffer.indexOf(0x20, at);
    if (space === -1 || space - at > 10) throw malformed();
    const length = readDecimal(buffer.toString('latin1', at, space), 'pax record length');
    const end = at + length;
    const equals = buffer.indexOf(0x3d, space + 1);
    if (end > buffer.length || end <= space + 1 || buffer[end - 1] !== 0x0a) throw malformed();
    if (equals === -1 || equals >= end || equals === space + 1) throw malformed();
    const key = buffer.toString('latin1', space + 1, equals);
    const value = buffer.toString('latin1', equals + 1, end - 1);
    // A NUL would end the name in the kernel's eyes only.
    if (key.includes('\0') || (value.includes('\0') && !key.includes('xattr.'))) throw malformed();
    records.set(key, value);
    at = end;
  }
  return records;
}
