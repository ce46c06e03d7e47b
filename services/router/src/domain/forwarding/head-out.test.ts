import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRequestHead, type RequestHead } from '../http/request-head.ts';
import { parseResponseHead } from '../http/response-head.ts';
import { specOf } from '../routes/test-endpoints.test-support.ts';
import { type ClientFacts, type ForwardedProtoMode, requestHeadOut } from './request-head-out.ts';
import { interimHeadOut, type ResponseOut, responseHeadOut } from './response-head-out.ts';

const client: ClientFacts = { ip: '1.2.3.4', proto: 'http', forwardedProto: 'keep', requestId: 'id', receivedAt: 5 };
const own =
  'X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: http\r\nX-Request-Start: 5\r\nX-Vcap-Request-Id: id\r\n' +
  'X-CF-ApplicationID: app\r\nX-CF-InstanceID: instance-80\r\nX-CF-InstanceIndex: 0\r\n\r\n';

function request(text: string): RequestHead {
  const head = parseRequestHead(text, 50);
  if (typeof head === 'string') throw new Error(head);
  return head;
}
const forward = (lines: string, facts: Partial<ClientFacts> = {}, start = 'GET /x HTTP/1.1'): string =>
  requestHeadOut(request(`${start}\r\nHost: a.com\r\n${lines}`), specOf(80), { ...client, ...facts });

test('other fields go on as they were written, in their order', () => {
  const lines = 'B:  1 \r\nAccept: */*\r\na: 2\r\nCookie: c\r\n';
  expect(forward(lines)).toBe(`GET /x HTTP/1.1\r\nHost: a.com\r\n${lines}${own}`);
});

test('fields between others are left out without a gap', () => {
  expect(forward('A: 1\r\nKeep-Alive: 5\r\nB: 2\r\nConnection: close, C\r\nC: 3\r\nD: 4\r\n')).toBe(
    `GET /x HTTP/1.1\r\nHost: a.com\r\nA: 1\r\nB: 2\r\nD: 4\r\n${own}`,
  );
});

test.each<[string, ForwardedProtoMode, string]>([
  ['', 'keep', 'http'],
  ['X-Forwarded-Proto: https\r\n', 'keep', 'https'],
  ['X-Forwarded-Proto: https\r\n', 'sanitize', 'http'],
  ['X-Forwarded-Proto: http\r\n', 'https', 'https'],
  ['', 'https', 'https'],
])('%j with mode %s: the backend reads %s', (lines, forwardedProto, expected) => {
  expect(forward(lines, { forwardedProto }).match(/X-Forwarded-Proto: .*/g)).toEqual([
    `X-Forwarded-Proto: ${expected}`,
  ]);
});

test('what the client says about its start stays, what it says about instances does not', () => {
  const head = forward(
    'X-Request-Start: 1\r\nX-CF-InstanceIndex: 9\r\nX-Cf-App-Instance: x\r\nX-Vcap-Request-Id: mine\r\n',
  );
  expect(head.match(/X-Request-Start: .*/g)).toEqual(['X-Request-Start: 1']);
  expect(head).not.toMatch(/9|X-Cf-App-Instance|mine/);
});

test('HTTP/1.0 goes on as HTTP/1.1, without its expectations', () => {
  const head = forward('Expect: 100-continue\r\n', {}, 'GET /x HTTP/1.0');
  expect(head).toMatch(/^GET \/x HTTP\/1.1\r\n/);
  expect(head).not.toContain('Expect');
  expect(forward('Expect: 100-continue\r\n')).toContain('Expect: 100-continue\r\n');
});

test('whatever fields a client sends, what goes on has one line of each of the router’s fields and no line break of its own', () => {
  const name = fc.constantFrom(
    'X-Forwarded-For',
    'x_forwarded_for',
    'X-CF-InstanceID',
    'Connection',
    'X-A',
    'Host2',
    'Te',
    'Content-Length',
    'Upgrade',
  );
  const value = fc.constantFrom(
    '',
    'a',
    'X-A',
    'X-CF-InstanceID',
    'host, x-vcap-request-id',
    'trailers',
    '5',
    'upgrade',
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 12 }), (lines) => {
      const text = `GET / HTTP/1.1\r\nHost: a.com\r\n${lines.map(([n, v]) => `${n}: ${v}\r\n`).join('')}`;
      const parsed = parseRequestHead(text, 50);
      if (typeof parsed === 'string') return;
      const out = parseRequestHead(requestHeadOut(parsed, specOf(80), client).slice(0, -2), 50);
      if (typeof out === 'string') throw new Error(out);
      const count = (wanted: string): number =>
        out.fields.filter((field) => field.name.toLowerCase() === wanted).length;
      const owned = [
        'host',
        'x-forwarded-for',
        'x-vcap-request-id',
        'x-cf-instanceid',
        'x-cf-applicationid',
        'x-cf-instanceindex',
      ];
      for (const wanted of owned) expect([wanted, count(wanted)]).toEqual([wanted, 1]);
      expect(out.fields.some(({ disguised }) => disguised)).toBe(false);
      expect(out.framing).toEqual(parsed.framing);
    }),
  );
});

const answer = (lines: string, to = request('GET / HTTP/1.1\r\nHost: a\r\n'), status = '200 OK'): ResponseOut => {
  const response = parseResponseHead(`HTTP/1.1 ${status}\r\n${lines}`, to.method, 50);
  if (typeof response === 'string') throw new Error(response);
  return responseHeadOut(to, response, { requestId: 'id', mustClose: false, stickyCookie: '', date: 'now' });
};

test('a response gets a date and the request’s id when it has none', () => {
  expect(answer('Content-Length: 1\r\nB: c\r\n').head).toBe(
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nB: c\r\nDate: now\r\nX-Vcap-Request-Id: id\r\n\r\n',
  );
  const full = 'Date: then\r\nX-Vcap-Request-Id: its\r\nContent-Length: 1\r\n';
  expect(answer(full).head).toBe(`HTTP/1.1 200 OK\r\n${full}\r\n`);
});

test.each([
  ['GET / HTTP/1.1\r\nHost: a\r\n', 'Content-Length: 1\r\n', 'as-is', false],
  ['GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n', 'Content-Length: 1\r\n', 'as-is', true],
  ['GET / HTTP/1.1\r\nHost: a\r\n', '', 'chunks', false],
  ['GET / HTTP/1.1\r\nHost: a\r\n', 'Transfer-Encoding: chunked\r\n', 'as-is', false],
  ['GET / HTTP/1.0\r\n', 'Content-Length: 1\r\n', 'as-is', true],
  ['GET / HTTP/1.0\r\nConnection: keep-alive\r\n', 'Content-Length: 1\r\n', 'as-is', false],
  ['GET / HTTP/1.0\r\nConnection: keep-alive\r\n', 'Transfer-Encoding: chunked\r\n', 'payload', true],
  ['GET / HTTP/1.0\r\nConnection: keep-alive\r\n', '', 'as-is', true],
])('to %j with %j the body goes as %s, and the connection closes: %s', (from, lines, delivery, closes) => {
  const out = answer(lines, request(from));
  expect(out).toMatchObject({ delivery, closes });
  expect(out.head.includes('Connection: close')).toBe(closes);
  expect(out.head.includes('chunked')).toBe(
    delivery !== 'payload' && (lines.includes('chunked') || delivery === 'chunks'),
  );
});

test('an interim response has no framing and keeps its fields', () => {
  const response = parseResponseHead(
    'HTTP/1.1 103 Early Hints\r\nLink: a\r\nContent-Length: 5\r\nConnection: x\r\n',
    'GET',
    9,
  );
  if (typeof response === 'string') throw new Error(response);
  expect(interimHeadOut(response)).toBe('HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n');
});
