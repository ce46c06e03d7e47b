import fc from 'fast-check';
import { expect, test } from 'vitest';
import { afterCrash } from './crash-policy.ts';

test.each([
  [0, 1, 'now'],
  [1, 2, 'now'],
  [2, 3, 30],
  [3, 4, 60],
  [4, 5, 120],
  [5, 6, 240],
  [6, 7, 480],
  [7, 8, 960],
  [8, 9, 960],
  [150, 151, 960],
  [198, 199, 960],
  [199, 200, 'never'],
  [200, 201, 'never'],
] as const)('after %i crashes the next is number %i: %s', (before, crashCount, then) => {
  const expected =
    typeof then === 'string' ? { restart: then, crashCount } : { restart: 'later', crashCount, delayMs: then * 1_000 };
  expect(afterCrash(before, 1_000)).toEqual(expected);
});

test('after more than five minutes of running the count starts anew, with this crash as the first', () => {
  expect(afterCrash(7, 300_001)).toEqual({ restart: 'now', crashCount: 1 });
  expect(afterCrash(7, 300_000)).toEqual({ restart: 'later', crashCount: 8, delayMs: 960_000 });
  expect(afterCrash(250, 400_000)).toEqual({ restart: 'now', crashCount: 1 });
});

test('waits never get shorter and never longer than 16 minutes', () => {
  fc.assert(
    fc.property(fc.nat(400), (crashes) => {
      const [a, b] = [afterCrash(crashes, 0), afterCrash(crashes + 1, 0)];
      if (a.restart === 'later') {
        expect(a.delayMs).toBeLessThanOrEqual(960_000);
        if (b.restart === 'later') expect(b.delayMs).toBeGreaterThanOrEqual(a.delayMs);
        else expect(b.restart).toBe('never');
      }
      expect(b.crashCount).toBe(a.crashCount + 1);
    }),
  );
});
