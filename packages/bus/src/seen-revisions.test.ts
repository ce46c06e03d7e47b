import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SeenRevisions } from './seen-revisions.ts';

test('of each key exactly the newest revision so far is news, in whatever order they come', () => {
  const records = fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), deleted: fc.boolean() }));
  const shuffled = records.chain((list) =>
    fc.shuffledSubarray(
      list.map((each, i) => ({ ...each, revision: i + 1 })),
      { minLength: list.length },
    ),
  );
  fc.assert(
    fc.property(shuffled, (list) => {
      const seen = new SeenRevisions();
      const newest = new Map<string, number>();
      for (const { key, revision, deleted } of list) {
        expect(seen.reached(revision)).toBe(false);
        expect(seen.add(key, revision, deleted)).toBe(revision > (newest.get(key) ?? 0));
        seen.prune();
        newest.set(key, Math.max(revision, newest.get(key) ?? 0));
        expect(seen.reached(revision)).toBe(true);
        expect(seen.has(key)).toBe(true);
      }
    }),
  );
});

test('a higher revision says nothing of the lower ones, but that of a snapshot does', () => {
  const seen = new SeenRevisions();
  seen.add('a', 7, false);
  expect([6, 7, 8].map((revision) => seen.reached(revision))).toEqual([false, true, false]);
  seen.raise(6);
  expect([6, 7, 8].map((revision) => seen.reached(revision))).toEqual([true, true, false]);
});

test('forgets deletions and revisions of long ago, and no key that is there', () => {
  const seen = new SeenRevisions();
  seen.add('kept', 1, false);
  for (let i = 0; i < 30_000; i++) {
    seen.add(`k${i}`, i + 2, true);
    seen.prune();
  }
  expect(seen.has('kept')).toBe(true);
  expect(seen.add('kept', 1, false)).toBe(false);
  expect(seen.has('k0')).toBe(false);
  expect(seen.has('k29999')).toBe(true);
  // What is older than all that is remembered was seen.
  expect(seen.reached(1)).toBe(true);
});
