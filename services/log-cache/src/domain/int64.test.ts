import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseInt64 } from './int64.ts';

test('every int64 is read back as it was written', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
      expect(parseInt64(value.toString())).toBe(value);
    }),
  );
});

test('the start time that cf sends for "from the beginning" is read exactly', () => {
  expect(parseInt64('-6795364578871345152')).toBe(-6795364578871345152n);
});

test.each(['9223372036854775808', '-9223372036854775809', '1.5', '1e3', '', ' 1', '0x10', '--1', 'NaN', '1n'])(
  'is no int64: %j',
  (text) => {
    expect(parseInt64(text)).toBeUndefined();
  },
);

test('any text gives an int64 or undefined, never an error', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const value = parseInt64(text);
      expect(value === undefined || BigInt.asIntN(64, value) === value).toBe(true);
    }),
  );
});
