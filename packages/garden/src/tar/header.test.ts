import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BLOCK_BYTES, isZeroBlock, type RawHeader, readHeader } from './header.ts';

/** A header with its sum; `magic` as it stands at byte 257. */
function headerOf(fields: Partial<RawHeader> & { prefix?: string; magic?: string }, signed = false): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, at: number, length: number): void =>
    void block.write(value.toString(8).padStart(length - 1, '0'), at, 'latin1');
  block.write(fields.name ?? 'name', 0, 100, 'latin1');
  octal(fields.mode ?? 0o644, 100, 8);
  octal(fields.uid ?? 0, 108, 8);
  octal(fields.gid ?? 0, 116, 8);
  octal(fields.size ?? 0, 124, 12);
  octal(fields.mtime ?? 0, 136, 12);
  block.write(fields.typeFlag ?? '0', 156, 'latin1');
  block.write(fields.linkName ?? '', 157, 100, 'latin1');
  block.write(fields.magic ?? 'ustar\0' + '00', 257, 'latin1');
  block.write(fields.prefix ?? '', 345, 155, 'latin1');
  block.fill(0x20, 148, 156);
  const sum = [...block].reduce((total, byte) => total + (signed && byte > 127 ? byte - 256 : byte), 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0`, 148, 'latin1');
  return block;
}

const bytes = (maxLength: number): fc.Arbitrary<string> =>
  fc.uint8Array({ maxLength }).map((all) => Buffer.from(all.map((byte) => byte || 1)).toString('latin1'));
const fields: fc.Arbitrary<RawHeader> = fc.record({
  name: bytes(100),
  mode: fc.nat(0o7777777),
  uid: fc.nat(0o7777777),
  gid: fc.nat(0o7777777),
  size: fc.nat(2 ** 31 - 1),
  mtime: fc.nat(2 ** 31 - 1),
  typeFlag: fc.constantFrom('0', '1', '2', '5', 'x', 'L', '\0'),
  linkName: bytes(100),
});

test('what stands in a header is read, with the sum of signed characters too', () => {
  fc.assert(
    fc.property(fields, bytes(155), fc.boolean(), (header, prefix, signed) => {
      const name = prefix === '' ? header.name : `${prefix}/${header.name}`;
      expect(readHeader(headerOf({ ...header, prefix }, signed))).toEqual({ ...header, name });
    }),
  );
});

test("a prefix is one in ustar alone: GNU's format and v7 have other things there", () => {
  for (const magic of ['ustar  \0', '\0\0\0\0\0\0\0\0', 'ustar\0' + '11']) {
    expect(readHeader(headerOf({ name: 'file', prefix: '14512345677', magic })).name).toBe('file');
  }
});

test('a header of which one byte has changed is refused', () => {
  fc.assert(
    fc.property(fields, fc.nat(BLOCK_BYTES - 1), fc.integer({ min: 1, max: 255 }), (header, at, by) => {
      const block = headerOf(header);
      block[at] = ((block[at] ?? 0) + by) % 256;
      // In the field of the sum NUL and space say the same, and as much as a zero in front.
      const harmless = at >= 148 && at < 156 && (block[at] === 0 || block[at] === 0x20);
      // The sum of signed characters is the same when a byte changes by 256, which none does.
      if (!harmless) expect(() => readHeader(block)).toThrow(/checksum/);
    }),
  );
});

test('only a block of zeros ends an archive', () => {
  expect(isZeroBlock(Buffer.alloc(BLOCK_BYTES))).toBe(true);
  for (const at of [0, 1, 300, BLOCK_BYTES - 1]) {
    const block = Buffer.alloc(BLOCK_BYTES);
    block[at] = 1;
    expect(isZeroBlock(block)).toBe(false);
  }
});
