import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StoredEnvelope } from './envelope.ts';
import { LogStore } from './log-store.ts';
import { metaTogether, readTogether } from './read-together.ts';

const BOUNDS = { linesPerSource: 1_000, bytesPerSource: 1e9, bytes: 1e9 };
const ENVELOPE = 10;

function stores(lines: readonly number[], gauges: readonly number[]): readonly [LogStore, LogStore] {
  const both = [new LogStore(BOUNDS), new LogStore(BOUNDS)] as const;
  const render = (time: bigint): string => time.toString().padEnd(ENVELOPE);
  for (const time of lines) both[0].add('app', BigInt(time), 'LOG', render);
  for (const time of gauges) both[1].add('app', BigInt(time), 'GAUGE', render);
  return both;
}

const times = (envelopes: readonly StoredEnvelope[]): number[] => envelopes.map(({ timestamp }) => Number(timestamp));

test('reads two stores as one: all of both in order, whatever the limit and the page', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 500 }), fc.boolean()), { selector: ([time]) => time }),
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 80 }),
      (entries, limit, maxBytes) => {
        const of = (gauge: boolean): number[] => entries.flatMap(([time, is]) => (is === gauge ? [time] : []));
        const both = stores(of(false), of(true));
        const all = entries.map(([time]) => time).sort((a, b) => a - b);
        const paged: number[] = [];
        for (let startTime = 0n; ; ) {
          const range = { startTime, endTime: undefined, limit, descending: false, types: undefined };
          const { envelopes } = readTogether(both, 'app', range, maxBytes);
          if (envelopes.length === 0) break;
          expect(envelopes.length).toBeLessThanOrEqual(Math.min(limit, Math.max(1, Math.floor(maxBytes / ENVELOPE))));
          paged.push(...times(envelopes));
          startTime = (envelopes.at(-1)?.timestamp ?? 0n) + 1n;
        }
        expect(paged).toEqual(all);
        const newest = { startTime: 0n, endTime: undefined, limit, descending: true, types: undefined };
        expect(times(readTogether(both, 'app', newest, 1e9).envelopes)).toEqual(all.toReversed().slice(0, limit));
      },
    ),
  );
});

test('says that there is more when either has more than fits', () => {
  const range = { startTime: 0n, endTime: undefined, limit: 100, descending: true, types: undefined };
  expect(readTogether(stores([1, 2, 3], [4]), 'app', range, 2 * ENVELOPE).truncated).toBe(true);
  expect(readTogether(stores([1, 2, 3], [4]), 'app', range, 4 * ENVELOPE).truncated).toBe(false);
});

test('counts what both hold', () => {
  const meta = metaTogether(stores([5, 6], [4, 9, 10]));
  expect(meta.get('app')).toEqual({ count: 5, expired: 0, oldestTimestamp: 4n, newestTimestamp: 10n });
  expect(metaTogether(stores([], [4])).get('app')?.count).toBe(1);
});
