import { expect, test } from 'vitest';
import { goDuration } from './go-duration.ts';

test.each([
  [0, '0s'],
  [350, '350ms'],
  [1_000, '1s'],
  [2_500, '2.5s'],
  [60_000, '1m0s'],
  [90_001, '1m30.001s'],
  [3_600_000, '1h0m0s'],
])('%d ms is %s', (ms, text) => {
  expect(goDuration(ms)).toBe(text);
});
