import type { LogEnvelope } from '@slipway/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LogStore } from './log-store.ts';
import type { ReadRange } from './source-log.ts';

const everything: ReadRange = { startTime: 0n, endTime: undefined, limit: 1_000, descending: false, types: undefined };
const ample = { linesPerSource: 1_000, bytesPerSource: 1_000_000, bytes: 10_000_000 };
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

function line(sourceId: string, timestamp: number, text = 'x'): LogEnvelope {
  return {
    timestamp: timestamp.toString(),
    sourceId,
    instanceId: '0',
    sourceType: 'APP/PROC/WEB',
    stream: 'OUT',
    payload: Buffer.from(text).toString('base64'),
    tags: {},
  };
}

const timesOf = (store: LogStore, sourceId: string): number[] =>
  store.read(sourceId, everything, NO_LIMIT).envelopes.map((e) => Number(e.timestamp));

test('never holds more than its bounds, counts all that it drops, and drops the oldest of a source', () => {
  const writes = fc.array(
    fc.record({
      source: fc.constantFrom('a', 'b', 'c', 'd'),
      timestamp: fc.nat({ max: 50 }),
      length: fc.nat({ max: 300 }),
    }),
    { maxLength: 120 },
  );
  fc.assert(
    fc.property(
      writes,
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 2_000, max: 9_000 }),
      (all, lines, bytes) => {
        const bounds = { linesPerSource: lines, bytesPerSource: 3_000, bytes };
        const store = new LogStore(bounds);
        const written = new Map<string, number>();
        for (const { source, timestamp, length } of all) {
          expect(store.put(line(source, timestamp, 'y'.repeat(length)))).toBe(true);
          written.set(source, (written.get(source) ?? 0) + 1);
          const totals = store.totals();
          expect(totals.bytes).toBeLessThanOrEqual(bytes);
          expect(totals.envelopes).toBeGreaterThanOrEqual(0);
        }
        const meta = store.meta();
        for (const [source, count] of written) {
          const held = meta.get(source);
          expect((held?.count ?? 0) + (held?.expired ?? 0)).toBe(count);
          expect(held?.count ?? 0).toBeLessThanOrEqual(lines);
          const times = timesOf(store, source);
          expect(times).toHaveLength(held?.count ?? 0);
          expect(times).toEqual(times.toSorted((x, y) => x - y));
          expect(new Set(times).size).toBe(times.length);
        }
        const totals = store.totals();
        const expired = [...meta.values()].reduce((sum, source) => sum + source.expired, 0);
        expect(totals.expiredBySource + totals.expiredByTotal).toBe(expired);
        expect(totals.envelopes + expired).toBe(all.length);
      },
    ),
  );
});

test('the total bound takes from the source that holds most, and of it the oldest: a flood drives nobody else out', () => {
  const store = new LogStore({ ...ample, bytes: 20_000 });
  for (let n = 1; n <= 3; n++) store.put(line('quiet', n, 'q'.repeat(300)));
  for (let n = 1; n <= 500; n++) store.put(line(`flood-${n % 3}`, n, 'f'.repeat(100)));
  expect(timesOf(store, 'quiet')).toEqual([1, 2, 3]);
  expect(store.meta().get('quiet')).toMatchObject({ count: 3, expired: 0 });
  for (const n of [498, 499, 500]) expect(timesOf(store, `flood-${n % 3}`)).toContain(n);
  expect(timesOf(store, 'flood-1')).not.toContain(1);
  expect(store.totals().expiredByTotal).toBeGreaterThan(400);
  expect(store.totals().bytes).toBeLessThanOrEqual(20_000);
});

test('a source that was emptied and is written again still knows what it lost', () => {
  const store = new LogStore({ ...ample, bytes: 2_000 });
  store.put(line('a', 1, 'x'.repeat(900)));
  store.put(line('b', 1, 'x'.repeat(600)));
  expect(store.meta().get('a')).toMatchObject({ count: 0, expired: 1 });
  store.put(line('a', 2));
  expect(store.meta().get('a')).toMatchObject({ count: 1, expired: 1, oldestTimestamp: 2n, newestTimestamp: 2n });
});

test('what a read gives is bounded in bytes, but never empty because of it', () => {
  const store = new LogStore(ample);
  for (let n = 0; n < 10; n++) store.put(line('a', n, 'x'.repeat(1_000)));
  const some = store.read('a', everything, 4_000);
  expect(some.truncated).toBe(true);
  expect(some.envelopes.map((e) => Number(e.timestamp))).toEqual([0, 1]);
  const one = store.read('a', { ...everything, descending: true }, 1);
  expect(one.truncated).toBe(true);
  expect(one.envelopes.map((e) => Number(e.timestamp))).toEqual([9]);
  expect(store.read('a', { ...everything, limit: 2 }, 4_000).truncated).toBe(false);
});

test('an unknown source has nothing', () => {
  expect(new LogStore(ample).read('nobody', everything, NO_LIMIT)).toEqual({ envelopes: [], truncated: false });
});

test('an envelope with a time beyond int64 is not taken', () => {
  const store = new LogStore(ample);
  expect(store.put({ ...line('a', 1), timestamp: '9999999999999999999' })).toBe(false);
  expect(store.totals().envelopes).toBe(0);
});
