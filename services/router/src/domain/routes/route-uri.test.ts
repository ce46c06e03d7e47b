import { expect, test } from 'vitest';
import { hostKey, parseRouteUri } from './route-uri.ts';

test.each([
  ['App.Example.com', 'app.example.com', 'app.example.com', [], '/'],
  ['a.com/Foo/bar/', 'a.com/foo/bar', 'a.com', ['foo', 'bar'], '/Foo/bar'],
  ['a.com?x=y', 'a.com', 'a.com', [], '/'],
  ['*.a.com', '*.a.com', '*.a.com', [], '/'],
  ['localhost:8080/v3', 'localhost/v3', 'localhost', ['v3'], '/v3'],
  ['a.com//x', 'a.com//x', 'a.com', ['', 'x'], '//x'],
])('%s is a route', (uri, key, host, segments, contextPath) => {
  expect(parseRouteUri(uri)).toEqual({ key, host, segments, contextPath });
});

test.each(['', '/', '/foo', 'a b', 'a.com/\r\nX: y', '*', '*.', 'a.*.com', '<a>', 'a.com/#x'])('%j is none', (uri) => {
  expect(parseRouteUri(uri)).toBeUndefined();
});

test('the host of a lookup has no port and no capitals', () => {
  expect(hostKey('A.com:8080')).toBe('a.com');
  expect(hostKey('[::1]:8080')).toBe('[::1]');
  expect(hostKey('[::1]')).toBe('[::1]');
});
