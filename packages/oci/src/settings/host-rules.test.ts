import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  compareSpecificity,
  connectionTarget,
  type HostTarget,
  matchesHost,
  parseHostPattern,
  registryTarget,
} from './host-pattern.ts';
import { hostRules, parseHostRule } from './host-rules.ts';

const label = fc.stringMatching(/^[a-z][a-z0-9]{0,6}$/);
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
const port = fc.integer({ min: 1, max: 65_535 });

const fits = (pattern: string, target: HostTarget): boolean => {
  const parsed = parseHostPattern(pattern);
  return parsed !== undefined && matchesHost(parsed, target);
};

test.each<[pattern: string, registry: string, fits: boolean]>([
  ['registry.example', 'registry.example', true],
  ['registry.example', 'registry.example:5000', true],
  ['Registry.Example', 'registry.example', true],
  ['registry.example:5000', 'registry.example:5000', true],
  ['registry.example:5000', 'registry.example', false],
  ['registry.example:443', 'registry.example', true],
  ['registry.example', 'registry.example.evil.net', false],
  ['registry.example', 'evilregistry.example', false],
  ['*.example', 'registry.example', true],
  ['*.example', 'a.b.example:5000', true],
  ['*.example:5000', 'a.example', false],
  ['*.example', 'example', false],
  ['*.example', 'evilexample', false],
  ['[fd00::1]:5000', '[fd00:0:0::1]:5000', true],
  ['[fd00::1]', '[fd00::2]', false],
  ['10.0.0.1', '10.0.0.1:5000', true],
])('%s is for %s: %s', (pattern, registry, expected) => {
  expect(fits(pattern, registryTarget(registry))).toBe(expected);
});

test.each([
  'http://registry.example',
  'registry.example/team',
  '*',
  '*.',
  'a*.example',
  '*.*.example',
  '*.10.0.0.1',
  '-a.example',
  'a..example',
  'registry.example:0',
  'registry.example:65536',
  'registry.example:',
  'fd00::1',
  '[fd00::1',
  '[fe80::1%eth0]',
  '010.1.1.1',
  '300.1.1.1',
  'a b',
  '',
])('%j is no host', (text) => {
  expect(parseHostPattern(text)).toBeUndefined();
});

test('a name is for itself alone, with any port or its own', () => {
  fc.assert(
    fc.property(name, name, port, port, (one, other, a, b) => {
      expect(fits(one, { host: other, port: a })).toBe(one === other);
      expect(fits(`${one}:${a}`, { host: one, port: b })).toBe(a === b);
    }),
  );
});

test('a wildcard is for exactly the names that end with a dot and its domain', () => {
  fc.assert(
    fc.property(name, name, port, (domain, other, a) => {
      expect(fits(`*.${domain}`, { host: `${other}.${domain}`, port: a })).toBe(true);
      expect(fits(`*.${domain}`, { host: `${other}${domain}`, port: a })).toBe(
        `${other}${domain}`.endsWith(`.${domain}`),
      );
      expect(fits(`*.${domain}`, { host: domain, port: a })).toBe(domain.endsWith(`.${domain}`));
    }),
  );
});

test('of several patterns for one host the order does not matter: a name before wildcards, longer ones first, a port first', () => {
  const written = ['a.b.example:5000', 'a.b.example', '*.b.example:5000', '*.b.example', '*.example:5000', '*.example'];
  fc.assert(
    fc.property(fc.shuffledSubarray(written), (texts) => {
      const patterns = texts.map((text) => parseHostPattern(text)).filter((pattern) => pattern !== undefined);
      expect(patterns.toSorted(compareSpecificity).map(({ text }) => text)).toEqual(
        written.filter((text) => texts.includes(text)),
      );
    }),
  );
});

test('the host of a connection has the port that its protocol means', () => {
  expect(connectionTarget('https:', 'Registry.Example', '')).toEqual({ host: 'registry.example', port: 443 });
  expect(connectionTarget('http:', 'registry.example', '')).toEqual({ host: 'registry.example', port: 80 });
  expect(connectionTarget('http:', '[FD00::0001]', '5000')).toEqual({ host: 'fd00::1', port: 5000 });
});

/** An address as a number: another way to tell what is in a network than the one that is used. */
const octets = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 });
const groups = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 });
const asNumber = (parts: readonly number[], bits: bigint): bigint =>
  parts.reduce((sum, part) => (sum << bits) | BigInt(part), 0n);
const ipv4 = (value: bigint): string => [24n, 16n, 8n, 0n].map((shift) => Number((value >> shift) & 0xffn)).join('.');
const ipv6 = (value: bigint): string =>
  Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(':');

test.each([
  ['IPv4', octets, 8n, 32, ipv4],
  ['IPv6', groups, 16n, 128, ipv6],
] as const)(
  'an %s network holds exactly the addresses that share its first bits',
  (_name, parts, bits, width, print) => {
    fc.assert(
      fc.property(parts, parts, fc.integer({ min: 1, max: width }), fc.boolean(), (a, b, prefix, near) => {
        const host = BigInt(width - prefix);
        const network = (asNumber(a, bits) >> host) << host;
        // Half of the addresses are in the network, which chance alone would hardly ever hit.
        const address = near ? network | (asNumber(b, bits) & ((1n << host) - 1n)) : asNumber(b, bits);
        const { rules, wrong } = hostRules([`${print(network)}/${prefix}`]);
        expect(wrong).toEqual([]);
        expect(rules.covers([print(address)])).toBe(address >> host === network >> host);
      }),
    );
  },
);

test('a network with bits beyond its prefix is a slip and no network', () => {
  fc.assert(
    fc.property(octets, fc.integer({ min: 1, max: 32 }), (a, prefix) => {
      const host = BigInt(32 - prefix);
      const address = asNumber(a, 8n);
      const clean = (address >> host) << host === address;
      expect(parseHostRule(`${ipv4(address)}/${prefix}`).kind).toBe(clean ? 'network' : 'wrong');
    }),
  );
});

test.each([
  '0.0.0.0/0',
  '::/0',
  '10.0.0.0/33',
  '10.0.0/8',
  'fd00::/129',
  'registry.example/8',
  '10.0.0.0/',
  'fe80::%eth0/64',
])('%s is no network', (text) => {
  expect(parseHostRule(text).kind).toBe('wrong');
});

test('a host is covered only when all of its addresses are, and IPv4 inside IPv6 counts as what it is', () => {
  const { rules } = hostRules(['10.20.0.0/16']);
  expect(rules.covers(['10.20.0.1', '10.20.255.255'])).toBe(true);
  expect(rules.covers(['10.20.0.1', '10.21.0.1'])).toBe(false);
  expect(rules.covers(['::ffff:10.20.0.1'])).toBe(true);
  expect(rules.covers(['::ffff:10.21.0.1'])).toBe(false);
  expect(rules.covers([])).toBe(false);
  expect(hostRules(['registry.example']).rules.covers(['10.20.0.1'])).toBe(false);
});

test('two lists together hold what one of them holds, host by host and address by address', () => {
  const both = hostRules(['10.20.0.0/16', 'a.example']).rules.and(hostRules(['10.30.0.0/16', 'b.example']).rules);
  expect(both.covers(['10.20.0.1', '10.30.0.1'])).toBe(true);
  expect(['a.example', 'b.example', 'c.example'].map((host) => both.names(registryTarget(host)))).toEqual([
    true,
    true,
    false,
  ]);
});
