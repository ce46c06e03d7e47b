import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseNewClient } from './oauth-client.ts';
import { parseNewUser, renderUser } from './scim-user.ts';

test('what cf create-user sends', () => {
  const body = {
    userName: 'dev',
    password: 'pw',
    origin: '',
    name: { familyName: 'dev', givenName: 'dev' },
    emails: [{ value: 'dev', primary: true }],
  };
  expect(parseNewUser(body)).toEqual({
    outcome: 'valid',
    user: {
      userName: 'dev',
      password: 'pw',
      email: 'dev',
      givenName: 'dev',
      familyName: 'dev',
      active: true,
      verified: true,
    },
  });
});

const good = { userName: 'dev', password: 'pw', emails: [{ value: 'dev' }] };

test('the primary email is taken, else the first', () => {
  const emails = [{ value: 'a' }, { value: 'b', primary: true }];
  expect(parseNewUser({ ...good, emails })).toMatchObject({ user: { email: 'b' } });
  expect(parseNewUser({ ...good, emails: [{ value: 'a' }, { value: 'b' }] })).toMatchObject({ user: { email: 'a' } });
});

test.each([
  [undefined, 'USER_INVALID', ''],
  [[], 'USER_INVALID', ''],
  [{ ...good, userName: '' }, 'USER_INVALID', 'Username must match'],
  [{ ...good, userName: 'a b' }, 'USER_INVALID', 'Username must match'],
  [{ ...good, userName: 'x'.repeat(256) }, 'USER_INVALID', 'userName'],
  [{ ...good, emails: [] }, 'USER_INVALID', 'An email must be provided'],
  [{ ...good, emails: undefined }, 'USER_INVALID', 'emails'],
  [{ ...good, origin: 'ldap' }, 'USER_INVALID', 'no identity provider ldap'],
  [{ ...good, password: '' }, 'PASSWORD_INVALID', 'at least 1'],
  [{ ...good, password: undefined }, 'PASSWORD_INVALID', 'at least 1'],
  [{ ...good, password: 'x'.repeat(256) }, 'PASSWORD_INVALID', 'no more than 255'],
])('%j is refused as %s', (body, code, words) => {
  const result = parseNewUser(body);
  expect(result).toMatchObject({ outcome: 'invalid', code });
  expect(result.outcome === 'invalid' && result.description).toContain(words);
});

test('any JSON gives a user within the limits or the reason why not', () => {
  const likely = fc.record(
    {
      userName: fc.oneof(fc.string(), fc.constantFrom('dev', 'é@x.y'), fc.jsonValue()),
      password: fc.oneof(fc.string(), fc.jsonValue()),
      origin: fc.oneof(fc.constantFrom('', 'uaa', null), fc.jsonValue()),
      name: fc.jsonValue(),
      emails: fc.oneof(fc.array(fc.record({ value: fc.string(), primary: fc.boolean() })), fc.jsonValue()),
      active: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(likely, fc.jsonValue()), (body) => {
      const result = parseNewUser(body);
      if (result.outcome === 'invalid') expect(result.description).not.toBe('');
      else expect(result.user.userName).toMatch(/^[\p{L}+0-9\-_.@'!]{1,255}$/u);
    }),
    { numRuns: 1_000 },
  );
});

test('nothing of the password is shown', () => {
  const rendered = renderUser({
    guid: 'g',
    userName: 'dev',
    origin: 'uaa',
    email: 'e',
    givenName: null,
    familyName: null,
    passwordHash: 'HASH',
    passwordChangedAt: 't',
    active: true,
    verified: false,
    version: 3,
    createdAt: 'c',
    updatedAt: 'u',
    groups: ['scim.read'],
  });
  expect(JSON.stringify(rendered)).not.toContain('HASH');
  expect(rendered).toMatchObject({ id: 'g', origin: 'uaa', meta: { version: 3, created: 'c', lastModified: 'u' } });
});

test('any JSON gives a client or the reason why not', () => {
  const likely = fc.record(
    {
      client_id: fc.oneof(fc.string(), fc.constant('robot'), fc.jsonValue()),
      client_secret: fc.oneof(fc.string(), fc.jsonValue()),
      authorized_grant_types: fc.oneof(
        fc.array(fc.constantFrom('client_credentials', 'password', 'implicit')),
        fc.jsonValue(),
      ),
      scope: fc.oneof(fc.array(fc.string()), fc.jsonValue()),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(likely, fc.jsonValue()), (body) => {
      const result = parseNewClient(body);
      if (result.outcome === 'invalid') expect(result.description).not.toBe('');
      else if (result.client.grantTypes.includes('client_credentials')) expect(result.client.secret).not.toBe('');
    }),
    { numRuns: 1_000 },
  );
});
