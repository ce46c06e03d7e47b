import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LogRateLimiter, rateLimitDropped, rateLimitExceeded } from './log-rate-limiter.ts';

test('-1 lets everything pass and 0 nothing, without a word', () => {
  const unlimited = new LogRateLimiter(-1, 0);
  expect(unlimited.admit(1e9, 0)).toEqual({ kind: 'admitted' });
  const none = new LogRateLimiter(0, 0);
  expect(none.admit(1, 0)).toEqual({ kind: 'dropped', first: false });
  expect(none.report(10_000)).toBeUndefined();
});

test('says once that the limit is met, drops for a second, then says how much', () => {
  const limiter = new LogRateLimiter(100, 0);
  expect(limiter.admit(60, 0)).toEqual({ kind: 'admitted' });
  expect(limiter.admit(60, 0)).toEqual({ kind: 'dropped', first: true });
  expect(limiter.admit(1, 500)).toEqual({ kind: 'dropped', first: false });
  expect(limiter.report(999)).toBeUndefined();
  expect(limiter.report(1_000)).toEqual({ lines: 2, bytes: 61 });
  expect(limiter.report(1_000)).toBeUndefined();
  expect(limiter.admit(100, 1_000)).toEqual({ kind: 'admitted' });
});

test('a line longer than the limit passes when nothing else did', () => {
  const limiter = new LogRateLimiter(10, 0);
  expect(limiter.admit(1_000, 0)).toEqual({ kind: 'admitted' });
  expect(limiter.admit(1, 1_000).kind).toBe('dropped');
});

test('however long a line was, others pass again after ten seconds', () => {
  const limiter = new LogRateLimiter(2_048, 0);
  expect(limiter.admit(300_000, 0)).toEqual({ kind: 'admitted' });
  expect(limiter.admit(100, 9_900).kind).toBe('dropped');
  expect(limiter.admit(100, 11_000).kind).toBe('admitted');
});

test('a burst of several seconds passes, and counts lines where lines are limited', () => {
  const limiter = new LogRateLimiter(10, 0, 5);
  const kinds = Array.from({ length: 51 }, () => limiter.admit(1_000, 0, 1).kind);
  expect(kinds.filter((kind) => kind === 'admitted')).toHaveLength(50);
  expect(limiter.report(1_000)).toEqual({ lines: 1, bytes: 1_000 });
  expect(Array.from({ length: 11 }, () => limiter.admit(1, 1_000, 1).kind).at(-1)).toBe('dropped');
});

test('over any time no more passes than the limit allows, and what does not is counted', () => {
  const lines = fc.array(fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 1, max: 100 })), {
    minLength: 1,
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000 }), lines, (limit, steps) => {
      const limiter = new LogRateLimiter(limit, 0);
      let [now, passed, droppedBytes, droppedLines] = [0, 0, 0, 0];
      for (const [wait, bytes] of steps) {
        now += wait;
        // Of a line that is longer than a bucket and the longest debt the rest is forgiven.
        if (limiter.admit(bytes, now).kind === 'admitted') passed += Math.min(bytes, 11 * limit);
        else {
          droppedBytes += bytes;
          droppedLines++;
        }
      }
      // A full bucket to begin with, and one line of at most 100 bytes that may overdraw it.
      expect(passed).toBeLessThanOrEqual(limit + (now / 1_000) * limit + 100);
      const report = limiter.report(now + 1_000);
      expect(report ?? { lines: 0, bytes: 0 }).toEqual({ lines: droppedLines, bytes: droppedBytes });
    }),
  );
});

test('the words are Diego’s', () => {
  expect(rateLimitExceeded(1024)).toBe('app instance exceeded log rate limit (1024 bytes/sec)');
  expect(rateLimitDropped(rateLimitExceeded(1024), { lines: 3, bytes: 90 })).toBe(
    '3 log lines (90 bytes) were dropped: app instance exceeded log rate limit (1024 bytes/sec)',
  );
});
