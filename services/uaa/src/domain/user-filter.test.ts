import { expect, test } from 'vitest';
import { parseScimFilter } from './scim-filter.ts';
import { resolveUserFilter, UserFilterError, userField } from './user-filter.ts';

const resolve = (text: string) => resolveUserFilter(parseScimFilter(text));

test('attributes have no case and several names', () => {
  for (const name of ['emails.value', 'EMAIL', 'emails']) expect(userField(name)).toBe('email');
  expect(userField('password_hash')).toBeUndefined();
  expect(userField('passwordHash')).toBeUndefined();
});

test('times are compared as times', () => {
  expect(resolve('meta.created gt "2026-01-01T01:00:00+01:00"')).toEqual({
    kind: 'time',
    field: 'created_at',
    operator: 'gt',
    value: '2026-01-01T00:00:00.000Z',
  });
});

test.each([
  'password eq "x"',
  'active eq "true"',
  'active gt true',
  'userName eq 1',
  'userName eq null',
  'created eq "yesterday"',
  'created sw "2026-01-01T00:00:00Z"',
  'userName eq "x" and nothing pr',
])('%s cannot be asked of users', (text) => {
  expect(() => resolve(text)).toThrow(UserFilterError);
});
