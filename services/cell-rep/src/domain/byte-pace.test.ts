import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BytePace } from './byte-pace.ts';

test('however bytes come, no more pass in a time than the rate and a tenth of a second allow', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 300_000 }), idleMs: fc.integer({ min: 0, max: 500 }) })),
      (writes) => {
        const pace = new BytePace(1_000_000);
        let now = 0;
        let sent = 0;
        for (const { bytes, idleMs } of writes) {
          now += idleMs;
          sent += bytes;
          now += pace.delayAfter(bytes, now);
          expect(sent).toBeLessThanOrEqual((now + 100) * 1_000 + 1);
        }
      },
    ),
  );
});

test('below the rate nothing waits', () => {
  const pace = new BytePace(1_000_000);
  for (let now = 0; now < 10_000; now += 100) expect(pace.delayAfter(90_000, now)).toBe(0);
});
