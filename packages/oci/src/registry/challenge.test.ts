import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseChallenges } from './challenge.ts';

const plain = (lines: readonly string[]): unknown =>
  JSON.parse(JSON.stringify(parseChallenges(lines).map(({ scheme, params }) => ({ scheme, params }))));

test.each<[header: string, challenges: unknown]>([
  ['Basic realm="Registry"', [{ scheme: 'basic', params: { realm: 'Registry' } }]],
  [
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
    [
      {
        scheme: 'bearer',
        params: {
          realm: 'https://auth.docker.io/token',
          service: 'registry.docker.io',
          scope: 'repository:a/b:pull,push',
        },
      },
    ],
  ],
  ['BEARER REALM=x , Service = "y"', [{ scheme: 'bearer', params: { realm: 'x', service: 'y' } }]],
  ['Bearer realm="a\\"b\\\\c, Basic"', [{ scheme: 'bearer', params: { realm: 'a"b\\c, Basic' } }]],
  [
    'Negotiate, Basic realm="a", Bearer realm="b"',
    [
      { scheme: 'negotiate', params: {} },
      { scheme: 'basic', params: { realm: 'a' } },
      { scheme: 'bearer', params: { realm: 'b' } },
    ],
  ],
  [
    'NTLM TlRMTVNTUAAB==, Basic realm="a"',
    [
      { scheme: 'ntlm', params: {} },
      { scheme: 'basic', params: { realm: 'a' } },
    ],
  ],
  ['Bearer realm="unfinished', []],
  ['Bearer realm="a",realm="b"', [{ scheme: 'bearer', params: { realm: 'a' } }]],
  ['Bearer __proto__="x"', [{ scheme: 'bearer', params: { ['__proto__']: 'x' } }]],
  ['', []],
  [',,,', []],
  ['@', []],
])('reads %j', (header, challenges) => {
  expect(plain([header])).toEqual(challenges);
});

test('several header lines count together, and absurdly long ones not at all', () => {
  expect(plain(['Basic realm="a"', `Bearer realm="${'x'.repeat(9000)}"`, 'Bearer realm="b"'])).toEqual([
    { scheme: 'basic', params: { realm: 'a' } },
    { scheme: 'bearer', params: { realm: 'b' } },
  ]);
});

const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
const challenge = fc.record({
  scheme: token,
  params: fc.dictionary(token, fc.string({ unit: 'grapheme-ascii', maxLength: 20 }), { minKeys: 1, maxKeys: 4 }),
});

test('what is written by the rules is read back the same', () => {
  fc.assert(
    fc.property(fc.array(challenge, { maxLength: 4 }), (challenges) => {
      const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;
      const header = challenges
        .map(({ scheme, params }) => {
          const list = Object.entries(params).map(([name, value]) => `${name}=${quote(value)}`);
          return `${scheme} ${list.join(', ')}`;
        })
        .join(', ');
      expect(plain([header])).toEqual(JSON.parse(JSON.stringify(challenges)));
    }),
  );
});

test('no text makes it throw or hang', () => {
  const text = fc.string({ unit: fc.constantFrom(...Array.from('Bearer realm=",\\ \t@=~')), maxLength: 60 });
  fc.assert(fc.property(fc.oneof(text, fc.string()), (line) => Array.isArray(parseChallenges([line]))));
});
