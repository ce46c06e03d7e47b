import { expect, test } from 'vitest';
import { parseRegistryCredentials } from './credentials.ts';

test('credentials are read from an opened box', () => {
  expect(parseRegistryCredentials('{"username":"u","password":"p"}')).toEqual({ username: 'u', password: 'p' });
});

test.each(['hunter2', '{"username":"u","password":"hunter2"', '{"username":"u","password":hunter2}', '["hunter2"]'])(
  'what is none of them is refused without being repeated: %s',
  (text) => {
    expect(() => parseRegistryCredentials(text)).toThrow(
      new Error('the sealed credentials are no user name and password'),
    );
  },
);
