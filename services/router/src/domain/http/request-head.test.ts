import { expect, test } from 'vitest';
import { parseRequestHead, type RequestHead } from './request-head.ts';

/** The refusals that one server might read otherwise are in adapters/proxy/proxy-smuggling.test.ts, end to end. */

const parse = (lines: string, start = 'GET / HTTP/1.1'): RequestHead => {
  const head = parseRequestHead(`${start}\r\nHost: a.test\r\n${lines}`, 10);
  if (typeof head === 'string') throw new Error(head);
  return head;
};

test('the parts of a request are read as they were written', () => {
  const head = parse('X-A:  b c\t\r\nCookie:d\r\n', 'PATCH /P%41th//x?q=/ HTTP/1.0');
  expect(head).toMatchObject({ method: 'PATCH', target: '/P%41th//x?q=/', minorVersion: 0, host: 'a.test' });
  expect(head.fields.map(({ name, value }) => [name, value])).toEqual([
    ['Host', 'a.test'],
    ['X-A', 'b c'],
    ['Cookie', 'd'],
  ]);
  for (const { start, end, name } of head.fields) {
    expect(head.text.slice(start, end)).toMatch(new RegExp(`^${name}:.*\r\n$`));
  }
});

test.each([
  ['GET http://b.test/x?y HTTP/1.1', 'b.test', '/x?y'],
  ['GET HTTP://b.test:81 HTTP/1.1', 'b.test:81', '/'],
  ['GET https://b.test?y HTTP/1.1', 'b.test', '/?y'],
  ['OPTIONS http://b.test HTTP/1.1', 'b.test', '*'],
])('%s asks %s for %s', (start, host, target) => {
  expect(parse('', start)).toMatchObject({ host, target, hostFromTarget: true });
});

test('OPTIONS may ask about the server as a whole', () => {
  expect(parse('', 'OPTIONS * HTTP/1.1')).toMatchObject({ host: 'a.test', target: '*' });
});

test('HTTP/1.0 needs no host', () => {
  expect(parseRequestHead('GET / HTTP/1.0\r\n', 10)).toMatchObject({ host: '' });
});

test('as many fields as are allowed, and no more', () => {
  expect(parse('A: b\r\n'.repeat(9)).fields).toHaveLength(10);
  expect(parseRequestHead(`GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(11)}`, 10)).toBe('too-many-fields');
});

test('connection options are read from every field, in any case', () => {
  const { connection } = parse('Connection: Close,X-Mine\r\nconnection: , KEEP-ALIVE ,x-two\r\n');
  expect(connection).toMatchObject({ close: true, keepAlive: true, upgrade: false });
  expect([...connection.named]).toEqual(['x-mine', 'x-two']);
});

test.each([
  ['Connection: upgrade\r\nUpgrade: websocket\r\n', 'websocket'],
  ['Connection: upgrade\r\nUpgrade: a\r\nUpgrade: b\r\n', 'a, b'],
  ['Upgrade: websocket\r\n', ''],
  ['Connection: upgrade\r\n', ''],
  ['Connection: upgrade\r\nUpgrade: h2c\r\n', ''],
  ['Connection: upgrade\r\nUpgrade: websocket, H2C\r\n', ''],
  ['Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n', ''],
])('%j is an upgrade to %j', (lines, upgrade) => {
  expect(parse(lines).upgrade).toBe(upgrade);
});

test('HTTP/1.0 cannot upgrade', () => {
  expect(parse('Connection: upgrade\r\nUpgrade: websocket\r\n', 'GET / HTTP/1.0').upgrade).toBe('');
});
