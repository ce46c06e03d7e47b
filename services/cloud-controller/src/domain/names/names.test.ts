import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { apiHosts } from './api-hosts.ts';
import { environmentProblems } from './environment-names.ts';
import { routeNameProblems, routeUrl } from './route-name.ts';

const shared = { name: 'apps.localhost', shared: true, internal: false };
const own = { name: 'example.com', shared: false, internal: false };

describe('a route name', () => {
  test.each([
    ['www', '', shared],
    ['*', '', shared],
    ['a_b-c', '/v1/x', shared],
    ['', '', own],
    ['x'.repeat(63), '', shared],
  ])('%j with path %j is fine', (host, path, domain) => {
    expect(routeNameProblems({ host, path, domain })).toEqual([]);
  });
  test.each([
    ['', '', shared, 'Missing host'],
    ['a.b', '', shared, 'Host must be either'],
    ['a b', '', own, 'Host must be either'],
    ['x'.repeat(64), '', shared, 'Host is too long'],
    ['www', 'x', shared, 'must start with a slash'],
    ['www', '/', shared, "exactly '/'"],
    ['www', '/a?b', shared, "cannot contain '?'"],
    ['www', `/${'x'.repeat(128)}`, shared, 'exceeds 128'],
    ['www', '/a b', shared, 'valid URI path'],
    ['www', '/a#b', shared, 'valid URI path'],
  ])('%j with path %j is not', (host, path, domain, problem) => {
    expect(routeNameProblems({ host, path, domain }).join()).toContain(problem);
  });
  test('that is fine is a URL that means what it says', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9-]{1,63}$/), fc.string(), (host, path) => {
        if (routeNameProblems({ host, path, domain: own }).length > 0) return;
        const url = new URL(`http://${routeUrl(host, own.name, path)}`);
        expect(url.hostname).toBe(`${host}.example.com`);
        expect(url.search).toBe('');
        expect(url.hash).toBe('');
      }),
    );
  });
});

test("names that the platform sets are not the user's to set", () => {
  expect(environmentProblems({ A: '1', port: '2', MEMORY: 'x' })).toEqual([]);
  for (const name of ['PORT', 'VCAP_APPLICATION', 'VCAP_X', 'VMC', 'VMC_APP', '', 'A=B', 'A\0B', '__proto__']) {
    expect(environmentProblems({ [name]: 'x' })).toHaveLength(1);
  }
  expect(environmentProblems({ A: 'x\0y' })).toHaveLength(1);
});

test("the API answers on the platform's hosts, but not on those of other services", () => {
  const systemHosts = ['localhost', 'api.example.com', 'uaa.example.com', 'login.example.com', 'log-cache.example.com'];
  expect(apiHosts(systemHosts)).toEqual(['localhost', 'api.example.com']);
});
