import fc from 'fast-check';
import { expect, test } from 'vitest';
import { afterFailure, forgottenBefore, isForgotten, type LoginFailures, lockedUntil } from './login-policy.ts';

const MINUTE = 60_000;

/** What happens when someone guesses at these times: which guesses are looked at. */
function guessesAt(times: readonly number[]): number[] {
  const tried: number[] = [];
  let record: LoginFailures | undefined;
  for (const now of times) {
    if (lockedUntil(record, now) !== undefined) continue;
    tried.push(now);
    record = afterFailure(record, now);
  }
  return tried;
}

test('five failures lock for five minutes from the last, then one more try is given', () => {
  const tried = guessesAt([0, 1, 2, 3, 4, 5, 6, 4 + 5 * MINUTE - 1, 4 + 5 * MINUTE, 4 + 5 * MINUTE + 1]);
  expect(tried).toEqual([0, 1, 2, 3, 4, 4 + 5 * MINUTE]);
});

test('failures of more than an hour ago are forgotten', () => {
  let record: LoginFailures | undefined;
  for (let i = 0; i < 4; i++) record = afterFailure(record, i);
  record = afterFailure(record, 61 * MINUTE);
  expect(record).toEqual({ failures: 1, windowStartedAt: 61 * MINUTE, lastFailureAt: 61 * MINUTE });
});

test('whoever guesses as fast as is allowed gets no more than 21 guesses in any hour', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 50, maxLength: 600 }), (gaps) => {
      let now = 0;
      const times = gaps.map((gap) => {
        now += gap;
        return now;
      });
      const tried = guessesAt(times);
      for (const start of tried) {
        const within = tried.filter((time) => time >= start && time < start + 60 * MINUTE);
        // Five, then one each five minutes; and the four of a new window when the old one ends within the hour.
        expect(within.length).toBeLessThanOrEqual(5 + 11 + 5);
      }
    }),
  );
});

test('what is deleted as forgotten would not have locked anyone', () => {
  const record = fc.record({
    failures: fc.integer({ min: 1, max: 20 }),
    windowStartedAt: fc.integer({ min: 0, max: 200 * MINUTE }),
    lastFailureAt: fc.integer({ min: 0, max: 200 * MINUTE }),
  });
  fc.assert(
    fc.property(record, fc.integer({ min: 0, max: 400 * MINUTE }), (stored, now) => {
      fc.pre(stored.windowStartedAt <= stored.lastFailureAt && stored.lastFailureAt <= now);
      if (stored.lastFailureAt < forgottenBefore(now)) {
        expect(isForgotten(stored, now)).toBe(true);
        expect(lockedUntil(stored, now)).toBeUndefined();
        expect(afterFailure(stored, now).failures).toBe(1);
      }
    }),
  );
});
