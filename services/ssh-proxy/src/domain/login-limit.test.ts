import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LoginLimit } from './login-limit.ts';

test('an address may fail ten times within five minutes, and others are not held to it', () => {
  const limit = new LoginLimit();
  for (let i = 0; i < 10; i += 1) {
    expect(limit.allows('a', i)).toBe(true);
    limit.failed('a', i);
  }
  expect(limit.allows('a', 10)).toBe(false);
  expect(limit.allows('b', 10)).toBe(true);
  expect(limit.allows('a', 300_000)).toBe(true);
});

test('whoever waits is let in again, whatever was before', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1_000_000), { maxLength: 40 }), (times) => {
      const limit = new LoginLimit();
      for (const at of times.toSorted((a, b) => a - b)) limit.failed('a', at);
      expect(limit.allows('a', Math.max(0, ...times) + 300_000)).toBe(true);
    }),
  );
});
