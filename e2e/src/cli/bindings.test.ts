import fc from 'fast-check';
import { expect, test } from 'vitest';
import { selectGuid, selectorOf } from './bindings.ts';

const one = '11111111-1111-4111-8111-111111111111';
const two = '22222222-2222-4222-8222-222222222222';

test.each([
  ['the resource itself', { guid: one, relationships: { space: { data: { guid: two } } } }, 'guid'],
  ['the only item', { resources: [{ guid: one }] }, 'resources[0].guid'],
  [
    'an item by its name',
    {
      resources: [
        { guid: two, name: 'b' },
        { guid: one, name: 'a' },
      ],
    },
    'resources[name=a].guid',
  ],
  [
    'an item by its type',
    {
      resources: [
        { guid: two, type: 'worker' },
        { guid: one, type: 'web' },
      ],
    },
    'resources[type=web].guid',
  ],
  [
    'an item by its place',
    {
      resources: [
        { guid: two, name: 'a' },
        { guid: one, name: 'a' },
      ],
    },
    'resources[1].guid',
  ],
  ['a link', { links: { self: { href: `http://localhost/v3/apps/${one}` } } }, 'links.self.href'],
])('finds %s', (_, body, selector) => {
  expect(selectorOf(one, { body })).toBe(selector);
  expect(selectGuid(selector, { body })).toBe(one);
});

test('finds a job where an answer has no body', () => {
  const answer = { body: undefined, location: `http://localhost/v3/jobs/${one}` };
  expect(selectorOf(one, answer)).toBe('location');
  expect(selectGuid('location', answer)).toBe(one);
});

test('says so when there is nothing at a selector', () => {
  expect(() => selectGuid('resources[name=a].guid', { body: { resources: [] } })).toThrow('resources[name=a].guid');
});

test('a guid is found again wherever it is in a list', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.uuid(), { minLength: 1 }), fc.nat(), (guids, at) => {
      const guid = guids[at % guids.length] as string;
      const body = { resources: guids.map((each, index) => ({ guid: each, name: `n${index}` })) };
      expect(selectGuid(selectorOf(guid, { body }) as string, { body })).toBe(guid);
    }),
  );
});
