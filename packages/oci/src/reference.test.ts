import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseDigest } from './digest.ts';
import { ReferenceSyntaxError } from './errors.ts';
import {
  atDigest,
  familiarReference,
  formatReference,
  manifestSelector,
  parseReference,
  parseRegistry,
  type Reference,
  withDefaultTag,
} from './reference.ts';

const HEX = '0123456789abcdef'.repeat(4);
const DIGEST = parseDigest(`sha256:${HEX}`);

test.each<[input: string, registry: string, repository: string, tag?: string | undefined, digest?: string]>([
  ['nginx', 'docker.io', 'library/nginx'],
  ['nginx:1.27', 'docker.io', 'library/nginx', '1.27'],
  ['org/app', 'docker.io', 'org/app'],
  ['a/b/c:x', 'docker.io', 'a/b/c', 'x'],
  ['docker.io/nginx', 'docker.io', 'library/nginx'],
  ['docker.io/library/nginx', 'docker.io', 'library/nginx'],
  ['index.docker.io/org/app', 'docker.io', 'org/app'],
  ['index.docker.io/nginx', 'docker.io', 'library/nginx'],
  ['localhost/app', 'localhost', 'app'],
  ['localhost:5000/app:1', 'localhost:5000', 'app', '1'],
  ['127.0.0.1:5000/demo/web', '127.0.0.1:5000', 'demo/web'],
  ['[::1]:5000/app:1', '[::1]:5000', 'app', '1'],
  ['[2001:db8::1]/app', '[2001:db8::1]', 'app'],
  ['registry.example.com/team/app:v1.2_x-3', 'registry.example.com', 'team/app', 'v1.2_x-3'],
  ['Registry/app', 'Registry', 'app'],
  ['host:80/app', 'host:80', 'app'],
  ['x/a__b.c-d---e/f', 'docker.io', 'x/a__b.c-d---e/f'],
  ['app:5000', 'docker.io', 'library/app', '5000'],
  [`app@${DIGEST}`, 'docker.io', 'library/app', undefined, DIGEST],
  [`ghcr.io/o/app:v1@${DIGEST}`, 'ghcr.io', 'o/app', 'v1', DIGEST],
  ['xn--bcher-kva.example/app', 'xn--bcher-kva.example', 'app'],
])('reads %s', (input, registry, repository, tag, digest) => {
  expect(parseReference(input)).toEqual({
    registry,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  });
});

test.each([
  ['localhost', 'localhost'],
  ['registry.example.com', 'registry.example.com'],
  ['host:80', 'host:80'],
  ['[::1]:5000', '[::1]:5000'],
  ['index.docker.io', 'docker.io'],
])('reads the registry %s', (input, registry) => {
  expect(parseRegistry(input)).toBe(registry);
  expect(parseReference(`${input}/a/b`).registry).toBe(registry);
});

test.each([
  ['', 0],
  ['team', 4],
  ['host.test/team', 9],
  ['host:', 5],
  ['host:70000', 5],
  ['https://host.test', 5],
  ['host..test', 5],
  ['0x7f.1', 0],
])('no registry: %j', (input, offset) => {
  expect(() => parseRegistry(input)).toThrow(expect.objectContaining({ name: 'ReferenceSyntaxError', offset }));
});

test.each<[input: string, offset: number, expected: RegExp]>([
  ['', 0, /lower-case letter or a digit/],
  ['Nginx', 0, /lower-case/],
  ['nGinx', 1, /lower-case/],
  ['library/Nginx', 8, /lower-case/],
  ['nginx:', 6, /tag/],
  ['nginx:-x', 6, /tag/],
  ['nginx:a b', 7, /"@" or the end/],
  ['nginx latest', 5, /":", "@" or the end/],
  ['nginx/', 6, /lower-case letter/],
  ['a//b', 2, /lower-case letter/],
  ['a..b', 2, /after the separator/],
  ['a___b', 3, /after the separator/],
  ['a-', 2, /after the separator/],
  ['-a', 0, /lower-case letter/],
  [`nginx:${'t'.repeat(129)}`, 134, /at most 128/],
  [`${'a'.repeat(256)}`, 255 - 'library/'.length, /at most 255/],
  ['https://registry.example.com/app', 5, /without a scheme/],
  ['user@host.example/app', 4, /in the registry/],
  ['host:/app', 5, /a port/],
  ['host:0/app', 5, /1 to 65535/],
  ['host:65536/app', 5, /1 to 65535/],
  ['host:5x/app', 6, /a digit or "\/"/],
  ['ho_st.example/app', 2, /in the registry/],
  ['-host.example/app', 0, /letter or a digit in the registry/],
  ['host..example/app', 5, /letter or a digit in the registry/],
  ['host-.example/app', 4, /in the registry/],
  ['[::1/app', 4, /"\]"/],
  ['[::g]/app', 3, /hex digit/],
  ['[:::1]/app', 1, /an IPv6 address/],
  ['0x7f.1/app', 0, /dotted IPv4/],
  ['127.1/app', 0, /dotted IPv4/],
  ['999.1.1.1/app', 0, /dotted IPv4/],
  ['app@sha512:00', 4, /"sha256"/],
  ['app@sha256', 10, /":"/],
  [`app@sha256:${HEX.slice(1)}`, 74, /64 lower-case hex digits/],
  [`app@sha256:${HEX}0`, 75, /the end/],
  [`app@sha256:${HEX.slice(1)}G`, 74, /64 lower-case hex digits/],
  [`app@sha256:${HEX.toUpperCase()}`, 21, /64 lower-case hex digits/],
  [`app@${DIGEST}:tag`, 75, /the end/],
  [HEX, 0, /not an image id/],
  ['app:tag\n', 7, /"@" or the end/],
  ['app\0', 3, /":", "@" or the end/],
  ['ａpp', 0, /lower-case letter/],
])('points into %j at %i', (input, offset, expected) => {
  const error = failure(input);
  expect({ offset: error.offset, input: error.input }).toEqual({ offset, input });
  expect(error.expected).toMatch(expected);
  expect(error.message).toContain(`at character ${offset + 1}`);
});

function failure(input: string): ReferenceSyntaxError {
  try {
    parseReference(input);
  } catch (error) {
    expect(error).toBeInstanceOf(ReferenceSyntaxError);
    return error as ReferenceSyntaxError;
  }
  throw new Error(`${input} parsed`);
}

// The grammar of distribution/reference as one expression, to judge the hand-written scanner by.
const component = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const label = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const domain = `(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const grammar = new RegExp(
  `^(?:${domain}/)?${component}(?:/${component})*(?::\\w[\\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$`,
);

const pathComponent = fc.stringMatching(/^[a-z0-9]{1,8}(?:(?:__|[._]|-{1,3})[a-z0-9]{1,4}){0,2}$/);
const host = fc.oneof(
  fc.constantFrom('localhost', 'docker.io', 'registry.example.com', '10.1.2.3', '[::1]', '[fe80::1:2]'),
  fc.stringMatching(/^[a-z][a-z0-9]{0,5}(?:-[a-z0-9]{1,3})?\.[a-z]{2,5}$/),
);
const port = fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined });
const reference: fc.Arbitrary<Reference> = fc
  .record({
    host,
    port,
    path: fc.array(pathComponent, { minLength: 1, maxLength: 4 }),
    tag: fc.option(fc.stringMatching(/^\w[\w.-]{0,20}$/), { nil: undefined }),
    digest: fc.option(fc.stringMatching(/^[0-9a-f]{64}$/), { nil: undefined }),
  })
  .map(({ host: name, port: number, path, tag, digest }) => {
    const registry = number === undefined ? name : `${name}:${number}`;
    const repository = registry === 'docker.io' && path.length === 1 ? `library/${path[0]}` : path.join('/');
    return {
      registry,
      repository,
      ...(tag === undefined ? {} : { tag }),
      ...(digest === undefined ? {} : { digest: parseDigest(`sha256:${digest}`) }),
    };
  });

test('every reference survives formatting and parsing, in its canonical and its familiar form', () => {
  fc.assert(
    fc.property(reference, (value) => {
      expect(parseReference(formatReference(value))).toEqual(value);
      expect(parseReference(familiarReference(value))).toEqual(value);
      expect(familiarReference(value).length).toBeLessThanOrEqual(formatReference(value).length);
    }),
  );
});

test('accepts nothing that the grammar of distribution/reference refuses, and parses anything or points inside it', () => {
  const alphabet = fc.constantFrom(
    ...Array.from('abzAZ019.:/@_-[] \n%'),
    'sha256:',
    HEX,
    'localhost',
    '::',
    '//',
    '\0',
    'é',
  );
  const input = fc.oneof(
    fc.string({ unit: alphabet, maxLength: 12 }),
    fc.string({ unit: 'binary', maxLength: 40 }),
    // A valid reference with one thing changed finds the borders best.
    fc
      .tuple(reference.map(formatReference), fc.nat(), alphabet)
      .map(([text, at, insert]) => text.slice(0, at % text.length) + insert + text.slice((at % text.length) + 1)),
  );
  fc.assert(
    fc.property(input, (text) => {
      let parsed: Reference;
      try {
        parsed = parseReference(text);
      } catch (error) {
        expect(error).toBeInstanceOf(ReferenceSyntaxError);
        const { offset } = error as ReferenceSyntaxError;
        expect(offset).toBeGreaterThanOrEqual(0);
        expect(offset).toBeLessThanOrEqual(text.length);
        return;
      }
      expect(text).toMatch(grammar);
      expect(new URL(`https://${parsed.registry}/v2/${parsed.repository}/x`).pathname).toBe(
        `/v2/${parsed.repository}/x`,
      );
    }),
    { numRuns: 3000 },
  );
});

test('the character that an error points at is the first that cannot stand there', () => {
  fc.assert(
    fc.property(reference.map(formatReference), fc.nat(), (text, at) => {
      const offset = at % text.length;
      const error = failure(`${text.slice(0, offset)}!${text.slice(offset)}`);
      expect(error.offset).toBeLessThanOrEqual(offset);
    }),
  );
});

test('a very long text is refused without being read', () => {
  expect(failure('a/'.repeat(5_000_000)).offset).toBe(1024);
});

test('familiar names keep the registry where leaving it out would change the meaning', () => {
  expect(familiarReference(parseReference('docker.io/library/nginx:1'))).toBe('nginx:1');
  expect(familiarReference(parseReference('org/app'))).toBe('org/app');
  expect(familiarReference(parseReference('docker.io/a.b/c'))).toBe('docker.io/a.b/c');
  expect(familiarReference(parseReference('docker.io/library/a/b'))).toBe('library/a/b');
  expect(familiarReference(parseReference(`docker.io/${HEX}`))).toBe(`docker.io/${HEX}`);
  expect(familiarReference(parseReference('localhost:5000/library/app'))).toBe('localhost:5000/library/app');
});

test('the digest wins over the tag, and latest stands in for both', () => {
  const both = parseReference(`app:v1@${DIGEST}`);
  expect(manifestSelector(both)).toBe(DIGEST);
  expect(manifestSelector(parseReference('app:v1'))).toBe('v1');
  expect(manifestSelector(parseReference('app'))).toBe('latest');
  expect(withDefaultTag(both)).toEqual(both);
  expect(formatReference(withDefaultTag(parseReference('app')))).toBe('docker.io/library/app:latest');
  expect(formatReference(atDigest(both, DIGEST))).toBe(`docker.io/library/app@${DIGEST}`);
});
