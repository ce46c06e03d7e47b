import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backOffMs } from './back-off.ts';

test('the first restart is nearly at once, later ones wait longer', () => {
  expect([1, 2, 3, 4, 8, 100].map(backOffMs)).toEqual([100, 200, 400, 800, 10_000, 10_000]);
});

test('it never shrinks and is never longer than ten seconds', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1_000_000 }), (failures) => {
      expect(backOffMs(failures + 1)).toBeGreaterThanOrEqual(backOffMs(failures));
      expect(backOffMs(failures)).toBeLessThanOrEqual(10_000);
    }),
  );
});
