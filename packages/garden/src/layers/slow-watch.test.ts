import { expect, test } from 'vitest';
import { SlowWatch } from './slow-watch.ts';

const limits = { stallMs: 10_000, bytesPerStall: 1_000 };

test('a sender that sends too little in the time that is waited for it is too slow', () => {
  const watch = new SlowWatch(limits);
  const slow = Array.from({ length: 20 }, () => watch.arrived(1, 1_000));
  expect(slow.indexOf(true)).toBe(9);
});

test('one that sends enough never is, and the time of a slow receiver does not count', () => {
  const watch = new SlowWatch(limits);
  for (let i = 0; i < 100; i += 1) expect(watch.arrived(110, 1_000)).toBe(false);
  for (let i = 0; i < 100; i += 1) expect(watch.arrived(1, 0)).toBe(false);
});
