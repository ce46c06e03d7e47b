import fc from 'fast-check';
import { expect, test } from 'vitest';
import { adminGroups, audience, cfClientScopes, grantScopes, parseScopes, userGroups } from './scopes.ts';

const names = fc.array(fc.constantFrom('a', 'b.read', 'b.write', 'c', 'd.e.f', 'openid'));

test('a token never has a scope that its owner lacks, the client may not use, or nobody asked for', () => {
  fc.assert(
    fc.property(names, names, fc.option(names, { nil: undefined }), (owned, usable, requested) => {
      const result = grantScopes(owned, usable, requested);
      const wanted = requested === undefined || requested.length === 0 ? owned : requested;
      const expected = [...new Set(owned)].filter((s) => usable.includes(s) && wanted.includes(s)).toSorted();
      if (expected.length === 0) expect(result.outcome).toBe('refused');
      else expect(result).toEqual({ outcome: 'granted', scopes: expected });
    }),
  );
});

test('the audience is the client and what stands before the last dot of each scope', () => {
  expect(audience(['cloud_controller.read', 'cloud_controller.write', 'openid', 'd.e.f'], 'cf')).toEqual([
    'cf',
    'cloud_controller',
    'd.e',
    'openid',
  ]);
});

test('a list of scopes may have too many spaces', () => {
  expect(parseScopes('  a  b.c ')).toEqual(['a', 'b.c']);
});

test('cf may use whatever users and the admin have', () => {
  expect(cfClientScopes).toEqual(expect.arrayContaining([...userGroups, ...adminGroups]));
});
