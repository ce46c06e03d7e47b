import fc from 'fast-check';
import { expect, test } from 'vitest';
import { databaseUrl } from './database-url.ts';

const of = (...uris: unknown[]): string | undefined => databaseUrl(uris.map((uri) => ({ credentials: { uri } })));

test.each([
  ['mysql://u:p@host/db', 'mysql2://u:p@host/db'],
  ['mysql2://u:p@host/db', 'mysql2://u:p@host/db'],
  ['postgresql://u:p%40x@host:5432/db?sslmode=require', 'postgres://u:p%40x@host:5432/db?sslmode=require'],
  ['postgres://host', 'postgres://host'],
  ['POSTGRES://host/db', 'postgres://host/db'],
])('%s is %s', (uri, expected) => {
  expect(of(uri)).toBe(expected);
});

test('the first that names a database counts, and what is none is passed over', () => {
  expect(
    of(undefined, 7, 'nonsense', 'amqp://broker', 'https://x', 'toString:x', 'mysql://one', 'postgres://two'),
  ).toBe('mysql2://one');
  expect(of()).toBeUndefined();
  expect(of('redis://x')).toBeUndefined();
});

test('whatever credentials hold, there is a URL of a database or none', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), fc.webUrl(), fc.anything())), (uris) => {
      const url = of(...uris);
      if (url !== undefined) expect(url).toMatch(/^(mysql2|postgres):/);
    }),
  );
});
