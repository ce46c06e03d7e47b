import fc from 'fast-check';
import { expect, test } from 'vitest';
import { domainConflict, domainNameProblems, namesAbove, type OwnedName } from './domain-name.ts';

test.each<[string, string | undefined]>([
  ['example.com', undefined],
  ['a-1.b', undefined],
  ['localhost', "Name must contain at least one '.'"],
  ['a.', 'Name does not comply with RFC 1035 standards'],
  ['-a.example.com', 'Name does not comply with RFC 1035 standards'],
  ['*.example.com', 'Name does not comply with RFC 1035 standards'],
  ['a b.example.com', 'Name does not comply with RFC 1035 standards'],
  [`${'a'.repeat(64)}.com`, 'Name does not comply with RFC 1035 standards'],
  [`${'a.'.repeat(127)}com`, 'Name is too long (maximum is 253 characters)'],
])('%s: %s', (name, problem) => {
  if (problem === undefined) expect(domainNameProblems(name)).toEqual([]);
  else expect(domainNameProblems(name)).toContain(problem);
});

const shared = (name: string): OwnedName => ({ name, organizationGuid: null });
const owned = (name: string, organizationGuid = 'mine'): OwnedName => ({ name, organizationGuid });

test.each<[OwnedName, OwnedName, string | undefined]>([
  [shared('a.com'), shared('A.com'), 'taken'],
  [shared('x.a.com'), shared('a.com'), undefined],
  [owned('x.a.com'), shared('a.com'), undefined],
  [owned('a.com'), shared('x.a.com'), 'overlaps'],
  [owned('x.a.com'), owned('a.com'), undefined],
  [owned('x.a.com'), owned('a.com', 'theirs'), 'overlaps'],
  [owned('a.com'), owned('x.a.com', 'theirs'), 'overlaps'],
  [shared('x.a.com'), owned('a.com', 'theirs'), 'overlaps'],
  [owned('xa.com'), owned('a.com', 'theirs'), undefined],
])('%j beside %j: %s', (wanted, existing, kind) => {
  expect(domainConflict(wanted, [existing])?.kind).toBe(kind);
});

test('two organizations never have names in each other, in whichever order they come', () => {
  const label = fc.constantFrom('a', 'b', 'c');
  const name = fc.array(label, { minLength: 2, maxLength: 4 }).map((labels) => labels.join('.'));
  const domain = fc.record({ name, organizationGuid: fc.constantFrom('one', 'two', null) });
  fc.assert(
    fc.property(fc.array(domain, { maxLength: 12 }), (wishes) => {
      const made: OwnedName[] = [];
      for (const wish of wishes) if (domainConflict(wish, made) === undefined) made.push(wish);
      for (const one of made) {
        for (const other of made) {
          if (one.organizationGuid === null || one.organizationGuid === other.organizationGuid) continue;
          expect(one.name.endsWith(`.${other.name}`) && other.organizationGuid !== null).toBe(false);
          expect(other.name).not.toBe(one.name);
        }
      }
    }),
  );
});

test('names above are found by taking labels away', () => {
  expect(namesAbove('A.b.c')).toEqual(['a.b.c', 'b.c', 'c']);
});
