import fc from 'fast-check';
import { expect, test } from 'vitest';
import { differenceOf, isNarrow } from './compare-answers.ts';

const json = fc.jsonValue({ maxDepth: 4 });

test('what is recorded is what it was', () => {
  fc.assert(
    fc.property(json, (value) => {
      expect(differenceOf(value, structuredClone(value), true)).toBeUndefined();
    }),
  );
});

test('the items of a list may come in any order', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string()), (names) => {
      const items = names.map((name) => ({ name }));
      expect(differenceOf(items, items.toReversed(), true)).toBeUndefined();
    }),
  );
});

test.each([
  ['another value', { state: 'STARTED' }, { state: 'STOPPED' }, '.state is "STOPPED", not "STARTED"'],
  ['a field that is missing', { a: { b: 1 } }, { a: {} }, '.a.b is missing, not 1'],
  ['an object that is null', { a: { b: 1 } }, { a: null }, '.a is null, not an object'],
  ['an item that is missing', [1, 2], [1], 'the answer lacks 2'],
  ['an item too many', [1], [1, 2], 'the answer has 2 items, not 1: 2'],
  [
    'a label that was not there',
    { labels: { a: '1' } },
    { labels: { a: '1', b: '2' } },
    '.labels.b is "2", and was not there',
  ],
  ['labels where there were none', {}, { labels: { b: '2' } }, '.labels is {"b":"2"}, and was not there'],
  [
    'an error where there was none',
    { state: 'COMPLETE' },
    { state: 'COMPLETE', error: 'x' },
    '.error is "x", and was not there',
  ],
])('%s is a difference', (_, recorded, live, words) => {
  expect(differenceOf(recorded, live, true)).toBe(words);
});

test('each item of a list is one of its own', () => {
  expect(differenceOf([{}, { a: 1 }], [{ a: 1 }, {}], true)).toBeUndefined();
  expect(differenceOf([{ a: 1 }, { a: 1 }], [{ a: 1 }, {}], true)).toContain('.a is missing');
});

test('more fields than recorded are none, nor are more items in a list of the whole platform', () => {
  expect(differenceOf({ name: 'a' }, { name: 'a', more: true }, true)).toBeUndefined();
  expect(differenceOf([{ name: 'a' }], [{ name: 'b' }, { name: 'a' }], false)).toBeUndefined();
});

test('an instance that was not yet decided upon may be anything', () => {
  expect(differenceOf({ decided: 'waiting' }, { decided: 'running' }, true)).toBeUndefined();
  expect(differenceOf({ decided: 'running' }, { decided: 'waiting' }, true)).toContain('decided');
});

test.each([
  ['/v3/apps?names=a&space_guids=b', true],
  ['/v3/organizations?order_by=name', false],
  ['/v3/apps/{app1}/routes', true],
  ['/v3/organizations/{organization1}/domains', false],
  ['/v3/audit_events?target_guids={app1}', false],
])('%s is narrow: %s', (path, narrow) => {
  expect(isNarrow(path)).toBe(narrow);
});
