import fc from 'fast-check';
import { expect, test } from 'vitest';
import { routeNameProblems } from '../names/route-name.ts';
import { defaultHost, randomHost } from './random-host.ts';
import { parseRouteText, splitHostname } from './route-text.ts';

test.each([
  ['app.example.com', 'app.example.com', ''],
  ['https://App.Example.com/', 'app.example.com', ''],
  ['http://*.example.com/a/b', '*.example.com', '/a/b'],
  ['example.com/a?b', 'example.com', '/a?b'],
])('%s', (text, hostname, path) => {
  expect(parseRouteText(text)).toEqual({ outcome: 'parsed', hostname, path });
});

test.each([
  '',
  '/path',
  'tcp://example.com:80',
  'ftp://example.com',
  'example.com:80',
  'a..b',
  'a.*.b',
  'a b.c',
  'http://',
])('%j is refused', (text) => {
  expect(parseRouteText(text).outcome).toBe('rejected');
});

test('the longest domain that a hostname can have is its domain', () => {
  const domains = [{ name: 'example.com' }, { name: 'App.example.com' }];
  expect(splitHostname('app.example.com', domains)).toEqual({ host: '', domain: domains[1] });
  expect(splitHostname('www.app.example.com', domains)).toEqual({ host: 'www', domain: domains[1] });
  expect(splitHostname('other.example.com', domains)).toEqual({ host: 'other', domain: domains[0] });
  expect(splitHostname('a.b.example.com', domains)).toBeUndefined();
  expect(splitHostname('localhost', domains)).toBeUndefined();
});

test('a random host is a host, whatever the app is called', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 100 }), fc.uuid(), (name, seed) => {
      const host = randomHost(name, seed);
      expect(host).toMatch(/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/);
      expect(
        routeNameProblems({ host, path: '', domain: { name: 'example.com', shared: true, internal: false } }),
      ).toEqual([]);
    }),
  );
  expect(randomHost('My_App', '00000000-0000-4000-8000-000000000000')).toMatch(/^my-app-[a-z]+-[a-z]+-[a-z]{2}$/);
});

test('the default host is the name, when that may be a host', () => {
  expect(defaultHost('My_App-1')).toBe('my_app-1');
  expect(defaultHost('my app')).toBeUndefined();
  expect(defaultHost('a'.repeat(64))).toBeUndefined();
});
