import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatLogRate, formatMegabytes, parseBytes, parseMegabytes } from './sizes.ts';

test.each([
  ['1B', 1],
  ['16k', 16_384],
  ['1KB', 1024],
  ['1.5G', 1_610_612_736],
  [' 512 mb ', 536_870_912],
  ['2T', 2 ** 41],
])('%s is %d bytes', (text, bytes) => {
  expect(parseBytes(text)).toBe(bytes);
});

test.each(['', '1', 'M', '-1M', '1MiB', '1M M', '1e3M', '1,5G', '99999999T', 'NaNB'])('%j is no size', (text) => {
  expect(parseBytes(text)).toBeUndefined();
});

test('what is less than a megabyte is none', () => {
  expect(parseMegabytes('1023K')).toBe(0);
});

test('what is written is read as the same', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 40 }), (size) => {
      expect(parseMegabytes(formatMegabytes(size % 2 ** 20))).toBe(size % 2 ** 20);
      expect(parseBytes(String(formatLogRate(size)))).toBe(size);
    }),
  );
  expect(formatLogRate(-1)).toBe(-1);
  expect(formatLogRate(3 * 1024 ** 2)).toBe('3M');
});
