import { expect, test } from 'vitest';
import { parseResponseHead, type ResponseHead } from './response-head.ts';

const parse = (text: string, method = 'GET'): ResponseHead => {
  const head = parseResponseHead(text, method, 10);
  if (typeof head === 'string') throw new Error(head);
  return head;
};

test.each([
  ['HTTP/1.1 200 OK\r\n', 200, 'OK'],
  ['HTTP/1.1 200 \r\n', 200, ''],
  ['HTTP/1.1 404\r\n', 404, ''],
  ['HTTP/1.0 299 Quite  all right\r\n', 299, 'Quite  all right'],
])('%j is %i %j', (text, status, reason) => {
  expect(parse(text)).toMatchObject({ status, reason });
});

test.each([
  ['GET', 200, '', 'until-close'],
  ['GET', 200, 'Content-Length: 5\r\n', 'length'],
  ['GET', 200, 'Transfer-Encoding: Chunked\r\n', 'chunked'],
  ['GET', 200, 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', 'chunked'],
  ['HEAD', 200, 'Content-Length: 5\r\n', 'none'],
  ['GET', 204, 'Content-Length: 5\r\n', 'none'],
  ['GET', 304, 'Transfer-Encoding: chunked\r\n', 'none'],
  ['GET', 100, '', 'none'],
])('the body of the answer to %s with %i and %j is framed by %s', (method, status, fields, kind) => {
  expect(parse(`HTTP/1.1 ${status} X\r\n${fields}`, method).framing.kind).toBe(kind);
});

test.each([
  ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\n', true],
  ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n', false],
  ['HTTP/1.1 200 OK\r\n', false],
  ['HTTP/1.0 200 OK\r\nContent-Length: 0\r\n', false],
  ['HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n', true],
  ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n', false],
])('after %j the connection is usable: %s', (text, persistent) => {
  expect(parse(text).persistent).toBe(persistent);
});

test.each([
  ['timeout=5', 5],
  ['max=3, timeout=72', 72],
  ['timeout = "9"', 9],
  ['max=3', -1],
  ['xtimeout=3', -1],
])('Keep-Alive: %s means %i seconds', (value, seconds) => {
  expect(parse(`HTTP/1.1 200 OK\r\nKeep-Alive: ${value}\r\n`).keepAliveSeconds).toBe(seconds);
});
