import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ReadRange, SourceLog } from './source-log.ts';

/** Few times, so that many collide. */
const times = fc.array(fc.bigInt({ min: 0n, max: 30n }), { maxLength: 60 });
const everything: ReadRange = { startTime: 0n, endTime: undefined, limit: 1_000, descending: false, types: undefined };

function filled(timestamps: readonly bigint[]): SourceLog {
  const log = new SourceLog();
  timestamps.forEach((timestamp, n) => {
    log.insert(timestamp, 'LOG', (unique) => `${n}@${unique}`);
  });
  return log;
}

/** The rule in the plainest words: the first free nanosecond from its own on. */
function model(timestamps: readonly bigint[]): { timestamp: bigint; json: string }[] {
  const taken = new Map<bigint, string>();
  timestamps.forEach((timestamp, n) => {
    let unique = timestamp;
    while (taken.has(unique)) unique++;
    taken.set(unique, `${n}@${unique}`);
  });
  return [...taken]
    .map(([timestamp, json]) => ({ timestamp, json }))
    .toSorted((a, b) => Number(a.timestamp - b.timestamp));
}

test('whatever the order of arrival, envelopes come sorted and each has a nanosecond of its own', () => {
  fc.assert(
    fc.property(times, (timestamps) => {
      const got = [...filled(timestamps).read(everything)].map(({ timestamp, json }) => ({ timestamp, json }));
      expect(got).toEqual(model(timestamps));
    }),
  );
});

test('a read gives the part of the range that its limit and direction ask for, also after drops', () => {
  fc.assert(
    fc.property(
      times,
      fc.nat({ max: 40 }),
      fc.bigInt({ min: -5n, max: 40n }),
      fc.option(fc.bigInt({ min: -5n, max: 90n }), { nil: undefined }),
      fc.nat({ max: 70 }),
      fc.boolean(),
      (timestamps, drops, startTime, endTime, limit, descending) => {
        const log = filled(timestamps);
        for (let i = 0; i < drops; i++) log.dropOldest();
        const rest = model(timestamps).slice(drops);
        const inRange = rest.filter(
          (e) => e.timestamp >= startTime && (endTime === undefined || e.timestamp < endTime),
        );
        const expected = (descending ? inRange.toReversed() : inRange).slice(0, limit);
        const got = [...log.read({ startTime, endTime, limit, descending, types: undefined })];
        expect(got.map((e) => e.json)).toEqual(expected.map((e) => e.json));
        expect(log.count).toBe(rest.length);
        expect(log.oldest?.timestamp).toBe(rest[0]?.timestamp);
        expect(log.newest?.timestamp).toBe(rest.at(-1)?.timestamp);
      },
    ),
  );
});

test('pages that follow each other at the last time plus one nanosecond miss nothing and repeat nothing', () => {
  fc.assert(
    fc.property(times, fc.integer({ min: 1, max: 7 }), (timestamps, limit) => {
      const log = filled(timestamps);
      const seen: string[] = [];
      let startTime = 0n;
      for (;;) {
        const page = [...log.read({ ...everything, startTime, limit })];
        if (page.length === 0) break;
        seen.push(...page.map((e) => e.json));
        startTime = (page.at(-1)?.timestamp ?? 0n) + 1n;
      }
      expect(seen).toEqual(model(timestamps).map((e) => e.json));
    }),
  );
});

test('the size is that of what is held', () => {
  fc.assert(
    fc.property(times, fc.nat({ max: 70 }), (timestamps, drops) => {
      const log = new SourceLog();
      let bytes = 0;
      for (const timestamp of timestamps) bytes += log.insert(timestamp, 'LOG', String);
      for (let i = 0; i < drops; i++) bytes -= log.dropOldest();
      expect(log.bytes).toBe(bytes);
      if (log.count === 0) expect(bytes).toBe(0);
    }),
  );
});

test('only the wanted types are read, and they alone count for the limit', () => {
  const log = new SourceLog();
  for (let n = 0; n < 10; n++) log.insert(BigInt(n), n % 2 === 0 ? 'GAUGE' : 'LOG', String);
  const read = (types: ReadRange['types']): string[] =>
    [...log.read({ ...everything, limit: 3, types })].map((e) => e.json);
  expect(read(new Set(['LOG']))).toEqual(['1', '3', '5']);
  expect(read(new Set(['LOG', 'GAUGE']))).toEqual(['0', '1', '2']);
  expect(read(new Set())).toEqual([]);
});
