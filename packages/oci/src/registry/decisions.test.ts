import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { printable } from '../printable.ts';
import { type AddressClass, classifyAddress, isLoopbackHost, mayLeadTo } from './address-class.ts';
import { RegistryCredentials } from './credentials.ts';
import { defaultRetries } from './limits.ts';
import { parseRetryAfter, retryDelay } from './retry.ts';
import { sameSite } from './same-site.ts';

test.each<[string, AddressClass]>([
  ['8.8.8.8', 'public'],
  ['172.15.255.255', 'public'],
  ['172.16.0.1', 'private'],
  ['10.1.2.3', 'private'],
  ['192.168.1.1', 'private'],
  ['100.64.0.1', 'private'],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['169.254.169.254', 'special'],
  ['100.100.100.200', 'special'],
  ['168.63.129.16', 'special'],
  ['::ffff:168.63.129.16', 'special'],
  ['192.0.0.192', 'special'],
  ['192.0.0.193', 'private'],
  ['fd20:ce::254', 'special'],
  ['0.0.0.0', 'special'],
  ['224.0.0.1', 'special'],
  ['255.255.255.255', 'special'],
  ['::1', 'loopback'],
  ['::', 'special'],
  ['fe80::1', 'special'],
  ['fd00:ec2::254', 'special'],
  ['fd12:3456::1', 'private'],
  ['2606:4700::1', 'public'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['::ffff:169.254.169.254', 'special'],
  ['::ffff:8.8.8.8', 'public'],
  ['64:ff9b::169.254.169.254', 'special'],
  ['64:ff9b::7f00:1', 'loopback'],
  ['64:ff9b::808:808', 'public'],
])('%s is %s', (address, expected) => {
  expect(classifyAddress(address)).toBe(expected);
});

test('only literal loopback hosts count as this machine', () => {
  for (const host of ['localhost', 'LOCALHOST', '127.0.0.1', '127.9.9.9', '[::1]']) {
    expect(isLoopbackHost(host)).toBe(true);
  }
  for (const host of ['localhost.example.com', 'example.com', '10.0.0.1', '0.0.0.0', '[::]', 'x.localhost']) {
    expect(isLoopbackHost(host)).toBe(false);
  }
});

test('a registry leads nowhere nearer than it is itself, and never to special addresses', () => {
  expect(mayLeadTo('public', 'public')).toBe(true);
  expect(mayLeadTo('public', 'private')).toBe(false);
  expect(mayLeadTo('public', 'loopback')).toBe(false);
  expect(mayLeadTo('private', 'private')).toBe(true);
  expect(mayLeadTo('private', 'loopback')).toBe(false);
  expect(mayLeadTo('loopback', 'public')).toBe(true);
  expect(mayLeadTo('loopback', 'loopback')).toBe(true);
  for (const from of ['public', 'private', 'loopback', 'special'] as const) {
    expect(mayLeadTo(from, 'special')).toBe(false);
  }
});

test.each([
  ['registry-1.docker.io', 'auth.docker.io', true],
  ['registry.gitlab.com', 'gitlab.com', true],
  ['ghcr.io', 'ghcr.io', true],
  ['registry.example.co.uk', 'auth.example.co.uk', true],
  ['registry.co.uk', 'evil.co.uk', false],
  ['registry.example.com', 'example.com.evil.net', false],
  ['registry.example.com', 'evilexample.com', false],
  ['localhost', 'localhost', true],
  ['localhost', '127.0.0.1', false],
  ['10.0.0.1', '10.0.0.2', false],
  ['1.10.0.1', '2.10.0.1', false],
  ['[::1]', '[::1]', true],
  ['registry', 'auth', false],
  ['io', 'auth.docker.io', false],
])('%s and %s are one site: %s', (a, b, expected) => {
  expect(sameSite(a, b)).toBe(expected);
  expect(sameSite(b, a)).toBe(expected);
});

test.each<[string | undefined, number | undefined]>([
  ['120', 120_000],
  [' 0 ', 0],
  ['Fri, 31 Dec 1999 23:59:59 GMT', 9_000],
  ['Fri, 31 Dec 1999 23:00:00 GMT', 0],
  ['-5', undefined],
  ['1.5', undefined],
  ['soon', undefined],
  ['99999999999', undefined],
  ['2000-01-01', undefined],
  ['', undefined],
  [undefined, undefined],
])('Retry-After %j is %s ms', (header, expected) => {
  expect(parseRetryAfter(header, Date.parse('1999-12-31T23:59:50Z'))).toBe(expected);
});

test('a pause is bounded, never shorter than the registry asks, and there are only so many', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10 }),
      fc.option(fc.nat(120_000), { nil: undefined }),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      (failures, wish, random) => {
        const delay = retryDelay(defaultRetries, failures, wish, random);
        if (failures >= defaultRetries.attempts || (wish ?? 0) > defaultRetries.maxRetryAfterMs) {
          expect(delay).toBeUndefined();
        } else {
          expect(delay).toBeGreaterThanOrEqual(wish ?? 0);
          expect(delay).toBeLessThanOrEqual((wish ?? 0) + defaultRetries.capMs);
        }
      },
    ),
  );
});

test('credentials print without the password, and take it out of what others print', () => {
  const credentials = new RegistryCredentials('alice', 'p@ss word');
  const basic = Buffer.from('alice:p@ss word').toString('base64');
  const prints = [JSON.stringify({ credentials }), inspect({ credentials }, { depth: 9 })];
  for (const print of prints) {
    expect(print).not.toContain('p@ss');
    expect(print).not.toContain(basic);
  }
  expect(credentials.basicAuthorization()).toBe(`Basic ${basic}`);
  expect(credentials.redact(`got p@ss word, ${basic}, p%40ss%20word`)).toBe('got [redacted], [redacted], [redacted]');
});

test('text of strangers becomes one bounded line without control characters', () => {
  expect(printable('a\r\nb\u001b[31mc\u202ed\0')).toBe('a b [31mc d');
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
      expect(printable(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      expect(printable(text).length).toBeLessThanOrEqual(303);
    }),
  );
});
