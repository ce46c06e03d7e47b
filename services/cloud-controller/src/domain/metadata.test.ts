import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exceedsLimit, METADATA_LIMITS, metadataProblems } from './metadata.ts';

test.each([
  { env: 'prod' },
  { 'example.com/team': 'a-b_c.d' },
  { empty: '' },
  { gone: null },
  { ['k'.repeat(63)]: 'v'.repeat(63) },
])('labels %j are fine', (labels) => {
  expect(metadataProblems({ labels })).toEqual([]);
});

test.each([
  { '': 'x' },
  { '-a': 'x' },
  { 'a b': 'x' },
  { 'a/b/c': 'x' },
  { 'nodots/a': 'x' },
  { 'cloudfoundry.org/a': 'x' },
  { ['k'.repeat(64)]: 'x' },
  { a: '-x' },
  { a: 'x y' },
  { a: 'v'.repeat(64) },
])('labels %j are not', (labels) => {
  expect(metadataProblems({ labels })).toHaveLength(1);
});

test('annotations take any text up to 5000 characters', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 5000 }), (text) => {
      expect(metadataProblems({ annotations: { note: text } })).toEqual([]);
    }),
  );
  expect(metadataProblems({ annotations: { note: 'x'.repeat(5001) } })).toHaveLength(1);
});

test.each(['label', 'annotation'] as const)('what has as many as it may have takes no further %s', (kind) => {
  const keys = Array.from({ length: METADATA_LIMITS[kind] }, (_, i) => `k${i}`);
  expect(exceedsLimit(kind, keys.slice(1), { new: 'x' })).toBe(false);
  expect(exceedsLimit(kind, keys, { new: 'x' })).toBe(true);
  expect(exceedsLimit(kind, keys, { new: 'x', k0: null })).toBe(false);
  expect(exceedsLimit(kind, keys, { k0: 'x', gone: null })).toBe(false);
  expect(exceedsLimit(kind, [...keys, 'over', 'above'], { k0: 'x', above: null })).toBe(false);
});
