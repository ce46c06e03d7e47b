import { expect, test } from 'vitest';
import { ReadPace } from './read-pace.ts';

test('what is read only to be dropped is read at a bounded rate, after a burst of a second', () => {
  const pace = new ReadPace();
  let now = 10_000;
  const start = now;
  let bytes = 0;
  while (now < start + 10_000) {
    pace.read(1_000, now);
    bytes += 1_000;
    now += pace.waitMs(now);
  }
  const perSecond = bytes / ((now - start) / 1_000);
  expect(perSecond).toBeGreaterThan(6_000_000);
  expect(perSecond).toBeLessThan(8_000_000);
});

test('who drops little never waits', () => {
  const pace = new ReadPace();
  for (let now = 0; now < 60_000; now += 10) {
    pace.read(5_000, now);
    expect(pace.waitMs(now)).toBe(0);
  }
});
