import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseTarget } from './target.ts';

test('users are named after the instance', () => {
  fc.assert(
    fc.property(fc.uuid(), fc.nat(999_999_999), (processGuid, index) => {
      expect(parseTarget(`cf:${processGuid}/${index}`)).toEqual({ processGuid, index });
    }),
  );
});

test.each(['', 'root', 'cf:', 'cf:x/0', 'diego:00000000-0000-4000-8000-000000000000/0'])('%j is nobody', (user) => {
  expect(parseTarget(user)).toBeUndefined();
});

test('nothing else than such a name is taken, whatever it holds', () => {
  fc.assert(
    fc.property(fc.uuid(), fc.string({ minLength: 1 }), (guid, more) => {
      fc.pre(!/^\d+$/.test(more));
      expect(parseTarget(`cf:${guid}/${more}`)).toBeUndefined();
      expect(parseTarget(`cf:${guid}${more}/0`)).toBeUndefined();
    }),
  );
});
