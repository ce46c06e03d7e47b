import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Pool } from './pool.ts';
import { RouteTrie } from './route-trie.ts';
import { parseRouteUri, type RouteUri } from './route-uri.ts';
import { endpointOf } from './test-endpoints.test-support.ts';

function route(text: string): RouteUri {
  const uri = parseRouteUri(text);
  if (uri === undefined) throw new Error(text);
  return uri;
}

function poolOf(uri: string, isServing = true): Pool {
  const pool = new Pool(uri, '/', 'round-robin', 0);
  if (isServing) pool.add(endpointOf(1));
  return pool;
}

/** Routes by a trie; those with `!` in front have no endpoints. */
function trieOf(uris: readonly string[]): RouteTrie {
  const trie = new RouteTrie();
  for (const uri of uris) {
    const name = uri.replace('!', '');
    trie.set(route(name), poolOf(name, !uri.startsWith('!')));
  }
  return trie;
}

test.each([
  [['a.com'], 'a.com', '/', 'a.com'],
  [['a.com'], 'a.com', '/any/path', 'a.com'],
  [['a.com/foo'], 'a.com', '/', undefined],
  [['a.com/foo'], 'a.com', '/foo', 'a.com/foo'],
  [['a.com/foo'], 'a.com', '/FOO/', 'a.com/foo'],
  [['a.com/foo'], 'a.com', '/foobar', undefined],
  [['a.com', 'a.com/foo', 'a.com/foo/bar'], 'a.com', '/foo/bar/x', 'a.com/foo/bar'],
  [['a.com', 'a.com/foo/bar'], 'a.com', '/foo/x', 'a.com'],
  [['a.com', 'a.com/foo'], 'a.com', '//foo', 'a.com'],
  [['*.a.com'], 'x.a.com', '/', '*.a.com'],
  [['*.a.com'], 'x.y.a.com', '/', '*.a.com'],
  [['*.a.com'], 'a.com', '/', undefined],
  [['*.com', '*.a.com'], 'x.a.com', '/', '*.a.com'],
  [['x.a.com', '*.a.com/foo'], 'x.a.com', '/foo', 'x.a.com'],
  [['x.a.com/bar', '*.a.com/foo'], 'x.a.com', '/foo', '*.a.com/foo'],
  [['a.com', '!a.com/foo'], 'a.com', '/foo', 'a.com'],
  [['!a.com', '!a.com/foo'], 'a.com', '/foo/x', 'a.com/foo'],
  [['!x.a.com', '*.a.com'], 'x.a.com', '/', 'x.a.com'],
])('of %j a request to %s%s goes to %s', (uris, host, path, expected) => {
  expect(trieOf(uris).lookup(host, path)?.uri).toBe(expected);
});

const host = fc.constantFrom('a.com', 'x.a.com', '*.a.com', '*.com', 'y.x.a.com');
const path = fc
  .array(fc.constantFrom('f', 'g', ''), { maxLength: 3 })
  .map((parts) => parts.map((part) => `/${part}`).join(''));
const uriText = fc.tuple(host, path).map(([name, rest]) => `${name}${rest}`);

/** What the rules say, by trying every registered route. */
function expected(registered: ReadonlyMap<string, Pool>, wantedHost: string, wantedPath: string): Pool | undefined {
  const labels = wantedHost.split('.');
  const hosts = [wantedHost, ...labels.slice(1).map((_, i) => `*.${labels.slice(i + 1).join('.')}`)];
  for (const name of hosts) {
    const matches = [...registered].filter(([key]) => {
      const { host: keyHost, segments } = route(key);
      const asked = route(`z${wantedPath}`).segments;
      return keyHost === name && segments.every((segment, i) => asked[i] === segment);
    });
    if (matches.length === 0) continue;
    const byLength = matches
      .sort(([a], [b]) => route(b).segments.length - route(a).segments.length)
      .map(([, pool]) => pool);
    return byLength.find((pool) => pool.endpoints.length > 0) ?? byLength[0];
  }
  return undefined;
}

test('lookups agree with trying every route, whatever came and went before', () => {
  const operations = fc.array(fc.tuple(fc.constantFrom('set', 'set-empty', 'delete'), uriText), { maxLength: 25 });
  fc.assert(
    fc.property(operations, fc.array(fc.tuple(host, path), { maxLength: 10 }), (changes, requests) => {
      const trie = new RouteTrie();
      const model = new Map<string, Pool>();
      for (const [kind, text] of changes) {
        const uri = route(text);
        if (kind === 'delete') {
          trie.delete(uri);
          model.delete(uri.key);
        } else {
          const pool = poolOf(uri.key, kind === 'set');
          trie.set(uri, pool);
          model.set(uri.key, pool);
        }
        expect(trie.get(uri)).toBe(model.get(uri.key));
      }
      for (const [name, rest] of requests) {
        const wanted = name.replace('*', 'w');
        expect(trie.lookup(wanted, rest === '' ? '/' : rest)).toBe(expected(model, wanted, rest));
      }
    }),
    { numRuns: 2_000 },
  );
});
