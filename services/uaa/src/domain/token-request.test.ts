import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readClientAuthentication } from './client-authentication.ts';
import { readField } from './form.ts';
import { parseTokenRequest } from './token-request.ts';

test('reads the three grants', () => {
  expect(parseTokenRequest({ grant_type: 'password', username: 'u', password: 'p', scope: 'a b' }, {})).toEqual({
    outcome: 'valid',
    request: { grantType: 'password', userName: 'u', password: 'p', origin: undefined, scopes: ['a', 'b'] },
  });
  expect(parseTokenRequest({ grant_type: 'client_credentials', response_type: 'token' }, {})).toEqual({
    outcome: 'valid',
    request: { grantType: 'client_credentials', scopes: undefined },
  });
  expect(parseTokenRequest({ grant_type: 'refresh_token', refresh_token: 'r' }, {})).toEqual({
    outcome: 'valid',
    request: { grantType: 'refresh_token', refreshToken: 'r', scopes: undefined },
  });
});

test('credentials in the query do not count', () => {
  const query = { username: 'u', password: 'p', grant_type: 'password' };
  expect(parseTokenRequest({ grant_type: 'password' }, query).outcome).toBe('invalid');
  expect(parseTokenRequest({}, query).outcome).toBe('invalid');
});

test('any form and query gives a request or the reason why not, never an error', () => {
  const value = fc.oneof(
    fc.constantFrom('password', 'client_credentials', 'refresh_token', '{"origin":"uaa"}', '%7B', '%', '[]', 'null'),
    fc.string(),
    fc.array(fc.string(), { minLength: 2, maxLength: 3 }),
  );
  const names = fc.constantFrom(
    'grant_type',
    'username',
    'password',
    'passcode',
    'refresh_token',
    'scope',
    'login_hint',
    '__proto__',
    'constructor',
  );
  const fields = fc.dictionary(names, value);
  fc.assert(
    fc.property(fields, fields, (form, query) => {
      const result = parseTokenRequest(form, query);
      if (result.outcome === 'invalid') expect(result.description).not.toBe('');
      else expect(result.request.grantType).toBe(form.grant_type);
    }),
    { numRuns: 2_000 },
  );
});

test('what every object has by itself is no field of a form', () => {
  for (const name of ['constructor', 'toString', '__proto__']) {
    expect(readField({}, name)).toEqual({ outcome: 'read', value: undefined });
  }
});

test('every client id and secret can be sent with Basic', () => {
  const id = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes(':') && text.isWellFormed());
  const secret = fc.string({ unit: 'grapheme' }).filter((text) => text.isWellFormed());
  fc.assert(
    fc.property(id, secret, (clientId, clientSecret) => {
      const header = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`;
      expect(readClientAuthentication(header, {})).toEqual({ outcome: 'given', clientId, secret: clientSecret });
    }),
  );
});

test('any header and form gives a client, none, or the reason why not', () => {
  const basic = fc.base64String().map((text) => `Basic ${text}`);
  const header = fc.option(fc.oneof(fc.string(), basic), { nil: undefined });
  const value = fc.oneof(fc.string(), fc.array(fc.string(), { maxLength: 2 }));
  const form = fc.dictionary(fc.constantFrom('client_id', 'client_secret'), value);
  fc.assert(
    fc.property(header, form, (authorization, fields) => {
      const result = readClientAuthentication(authorization, fields);
      if (result.outcome === 'given') expect(result.clientId).not.toBe('');
    }),
  );
});

test.each([
  ['Basic Y2Y6', { client_id: 'cf' }, { outcome: 'given', clientId: 'cf', secret: '' }],
  ['basic Y2Y6', {}, { outcome: 'given', clientId: 'cf', secret: '' }],
  [undefined, { client_id: 'cf' }, { outcome: 'given', clientId: 'cf', secret: '' }],
  [undefined, {}, { outcome: 'missing' }],
] as const)('%j and %j is %j', (authorization, form, expected) => {
  expect(readClientAuthentication(authorization, form)).toEqual(expected);
});

test.each([
  ['Basic Y2Y6', { client_id: 'other' }],
  ['Basic Y2Y6', { client_secret: 'x' }],
  ['Basic Y2Y', {}],
  ['Basic Og==', {}],
  ['Bearer Y2Y6', {}],
  [undefined, { client_id: ['a', 'b'] }],
] as const)('%j and %j is refused', (authorization, form) => {
  expect(readClientAuthentication(authorization, form).outcome).toBe('invalid');
});
