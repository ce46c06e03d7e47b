import { expect, test } from 'vitest';
import { HOST, startBackend, startCannedBackend, startProxy, startProxyTo } from './proxy.test-support.ts';
import { rawClient, rawExchange } from './raw-client.test-support.ts';

const host = `Host: ${HOST}\r\n`;
const post = `POST / HTTP/1.1\r\n${host}`;
const hidden = `GET /admin HTTP/1.1\r\n${host}\r\n`;

/** Requests that two servers may read in two ways; after each comes one that must never be taken for a request. */
const ambiguous: readonly (readonly [string, string])[] = [
  ['content-length and chunked', `${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['chunked and content-length', `${post}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`],
  ['two lengths that differ', `${post}Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n`],
  ['two equal lengths', `${post}Content-Length: 0\r\nContent-Length: 0\r\n\r\n`],
  ['a list of lengths', `${post}Content-Length: 0, 0\r\n\r\n`],
  ['a signed length', `${post}Content-Length: +0\r\n\r\n`],
  ['a negative length', `${post}Content-Length: -1\r\n\r\n`],
  ['a hexadecimal length', `${post}Content-Length: 0x0\r\n\r\n`],
  ['a length of words', `${post}Content-Length: none\r\n\r\n`],
  ['an empty length', `${post}Content-Length:\r\n\r\n`],
  ['a length with a space in it', `${post}Content-Length: 1 0\r\n\r\n`],
  ['a length beyond all bounds', `${post}Content-Length: 99999999999999999999\r\n\r\n`],
  ['a length disguised by an underscore', `${post}Content_Length: ${hidden.length}\r\n\r\n`],
  ['a coding disguised by an underscore', `${post}Transfer_Encoding: chunked\r\n\r\n`],
  ['an unknown coding', `${post}Transfer-Encoding: xchunked\r\n\r\n`],
  ['chunked not last', `${post}Transfer-Encoding: chunked, identity\r\n\r\n`],
  ['chunked twice', `${post}Transfer-Encoding: chunked, chunked\r\n\r\n`],
  ['two codings', `${post}Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['a quoted coding', `${post}Transfer-Encoding: "chunked"\r\n\r\n`],
  ['a coding after a vertical tab', `${post}Transfer-Encoding: \x0bchunked\r\n\r\n`],
  ['chunked under HTTP/1.0', `POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['a space before the colon', `${post}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`],
  ['a tab before the colon', `${post}Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n`],
  ['a folded line', `${post}X-A: b\r\n Transfer-Encoding: chunked\r\n\r\n`],
  ['a folded line by tab', `${post}X-A: b\r\n\tTransfer-Encoding: chunked\r\n\r\n`],
  ['a first line that is folded', `GET / HTTP/1.1\r\n ${host}\r\n`],
  ['a bare LF in the head', `${post}X-A: b\nTransfer-Encoding: chunked\r\n\r\n`],
  ['a bare LF after the request line', `GET / HTTP/1.1\n${host}\r\n`],
  ['a bare CR in a value', `${post}X-A: b\rTransfer-Encoding: chunked\r\n\r\n`],
  ['a NUL in a value', `${post}X-A: b\0c\r\n\r\n`],
  ['a control character in a name', `${post}X\x01A: b\r\n\r\n`],
  ['a byte beyond ASCII in a name', `${post}X-\xc4: b\r\n\r\n`],
  ['an empty name', `${post}: b\r\n\r\n`],
  ['no colon', `${post}Transfer-Encoding\r\n\r\n`],
  ['two hosts', `GET / HTTP/1.1\r\n${host}${host}\r\n`],
  ['no host', 'GET / HTTP/1.1\r\n\r\n'],
  ['a host with a path', `GET / HTTP/1.1\r\nHost: ${HOST}/x\r\n\r\n`],
  ['a host with a user', `GET / HTTP/1.1\r\nHost: a@${HOST}\r\n\r\n`],
  ['a host with two ports', `GET / HTTP/1.1\r\nHost: ${HOST}:80:90\r\n\r\n`],
  ['a host with a port of words', `GET / HTTP/1.1\r\nHost: ${HOST}:b.test\r\n\r\n`],
  ['a host with brackets in it', `GET / HTTP/1.1\r\nHost: ${HOST}[::1]\r\n\r\n`],
  ['a host with script', 'GET / HTTP/1.1\r\nHost: <script>alert(1)</script>\r\n\r\n'],
  ['two spaces in the request line', `GET  / HTTP/1.1\r\n${host}\r\n`],
  ['a tab in the request line', `GET\t/ HTTP/1.1\r\n${host}\r\n`],
  ['a space in the target', `GET /a b HTTP/1.1\r\n${host}\r\n`],
  ['a space at the end of the request line', `GET / HTTP/1.1 \r\n${host}\r\n`],
  ['a control character in the target', `GET /\x7f HTTP/1.1\r\n${host}\r\n`],
  ['a fragment in the target', `GET /#a HTTP/1.1\r\n${host}\r\n`],
  ['a target without a slash', `GET a HTTP/1.1\r\n${host}\r\n`],
  ['an asterisk for GET', `GET * HTTP/1.1\r\n${host}\r\n`],
  ['another scheme', `GET ftp://${HOST}/ HTTP/1.1\r\n${host}\r\n`],
  ['an absolute target with a user', `GET http://a@${HOST}/ HTTP/1.1\r\n${host}\r\n`],
  ['a lower-case protocol', `GET / http/1.1\r\n${host}\r\n`],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['HTTP/1.2', `GET / HTTP/1.2\r\n${host}\r\n`],
  ['HTTP/0.9', 'GET /\r\n\r\n'],
  ['a CONNECT', `CONNECT ${HOST}:80 HTTP/1.1\r\n${host}\r\n`],
  ['three empty lines before the request', `\r\n\r\n\r\nGET / HTTP/1.1\r\n${host}\r\n`],
];

test.each(ambiguous)('refused, and nothing after it is looked at: %s', async (_, bytes) => {
  const seen: string[] = [];
  const proxy = await startProxyTo((request, response) => {
    seen.push(request.url ?? '');
    response.end();
  });
  const answer = await rawExchange(proxy.port, bytes + hidden);
  expect(answer).toMatch(/^HTTP\/1.1 (400|501) /);
  expect(answer.match(/HTTP\/1.1/g)).toHaveLength(1);
  expect(answer).toContain('Connection: close');
  expect(answer).not.toContain('script');
  expect(seen).toEqual([]);
});

const chunked = `${post}Transfer-Encoding: chunked\r\n\r\n`;
const malformedBodies: readonly (readonly [string, string])[] = [
  ['a size without digits', '\r\nabc\r\n0\r\n\r\n'],
  ['a signed size', '+3\r\nabc\r\n0\r\n\r\n'],
  ['a size by 0x', '0x3\r\nabc\r\n0\r\n\r\n'],
  ['a space before the size', ' 3\r\nabc\r\n0\r\n\r\n'],
  ['a space after the size', '3 \r\nabc\r\n0\r\n\r\n'],
  ['a size that overflows', '10000000000000003\r\nabc\r\n0\r\n\r\n'],
  ['a size beyond 2^53', 'fffffffffffffff\r\nabc\r\n0\r\n\r\n'],
  ['a bare LF after the size', '3\nabc\r\n0\r\n\r\n'],
  ['a bare CR after the size', '3\rabc\r\n0\r\n\r\n'],
  ['a bare LF in an extension', `3;a\nabc\r\n0\r\n\r\n`],
  ['a bare CR in an extension', `3;a\rb\r\nabc\r\n0\r\n\r\n`],
  ['an endless extension', `3;${'a'.repeat(5000)}\r\nabc\r\n0\r\n\r\n`],
  ['data longer than its size', '2\r\nabc\r\n0\r\n\r\n'],
  ['a wrong byte after the data', '3\r\nabcX\n0\r\n\r\n'],
  ['a bare LF after the data', '3\r\nabc\n0\r\n\r\n'],
  ['a bare LF in a trailer', '0\r\nX-A: b\n\r\n'],
  ['a bare LF as the end', '0\r\n\n'],
  ['a folded trailer', '0\r\nX-A: b\r\n c\r\n\r\n'],
  ['an unterminated quote in an extension', '3;a="b\r\nabc\r\n0\r\n\r\n'],
  ['white space in an extension', '3; a\r\nabc\r\n0\r\n\r\n'],
  ['a length in a trailer', '0\r\nContent-Length: 5\r\n\r\n'],
  ['a coding in a trailer', '0\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['a trailer without a colon', '0\r\nGET /admin\r\n\r\n'],
];

test.each(malformedBodies)('a chunked body with %s is refused', async (_, body) => {
  const seen: string[] = [];
  const proxy = await startProxyTo((request, response) => {
    seen.push(request.url ?? '');
    request.on('error', () => {});
    request.resume().on('end', () => response.end());
  });
  const answer = await rawExchange(proxy.port, chunked + body + hidden);
  expect(answer).toMatch(/^HTTP\/1.1 400 /);
  expect(answer.match(/HTTP\/1.1/g)).toHaveLength(1);
  expect(seen).not.toContain('/admin');
  expect(proxy.rejected).toEqual(['malformed-body']);
});

test('what the client sends after a request refused midway does not reach the backend either', async () => {
  const seen: string[] = [];
  const proxy = await startProxyTo((request, response) => {
    seen.push(request.url ?? '');
    request.on('error', () => {});
    request.resume().on('end', () => response.end());
  });
  const client = await rawClient(proxy.port);
  client.send(`${chunked}3\r\nabc\r\n`);
  client.send('zz\r\n');
  expect(await client.until('400 Bad Request')).toContain('Connection: close');
  client.send(hidden);
  await client.ended();
  expect(seen).not.toContain('/admin');
});

test('a second response that a backend sends for one request reaches nobody', async () => {
  const forged = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged';
  const proxy = await startProxy();
  const backend = await startCannedBackend(`HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nreal${forged}`);
  proxy.register(backend.port);
  const client = await rawClient(proxy.port);
  for (let i = 1; i <= 3; i++) {
    client.send(`GET / HTTP/1.1\r\n${host}\r\n`);
    await client.until('real', i);
  }
  expect(client.received()).not.toContain('forged');
  expect(proxy.upstreams).toMatchObject({ dialed: 3, reused: 0 });
});

test('a body after the answer to HEAD reaches nobody', async () => {
  const proxy = await startProxy();
  const backend = await startCannedBackend('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged');
  proxy.register(backend.port);
  const client = await rawClient(proxy.port);
  client.send(`HEAD / HTTP/1.1\r\n${host}\r\nGET / HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);
  const answers = await client.ended();
  expect(answers.match(/forged/g)).toHaveLength(1);
  expect(proxy.upstreams.reused).toBe(0);
});

const badResponses: readonly (readonly [string, string])[] = [
  ['no status line', 'hello\r\n\r\n'],
  ['a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n'],
  ['a bare LF at the end', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n'],
  ['HTTP/2', 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['a folded line', 'HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n'],
  ['a bare CR in a value', 'HTTP/1.1 200 OK\r\nX-A: b\rSet-Cookie: c=d\r\nContent-Length: 0\r\n\r\n'],
  ['a bare CR in the reason', 'HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n'],
  ['two lengths that differ', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\n'],
  ['a malformed length', 'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n'],
  ['an unknown coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n'],
  ['a malformed chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
  ['a switch that nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
  ['endless interim responses', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(100)],
];

test.each(badResponses)('a response with %s becomes a 502', async (_, bytes) => {
  const proxy = await startProxy();
  proxy.register((await startCannedBackend(bytes)).port);
  const client = await rawClient(proxy.port);
  client.send(`GET / HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);
  const answer = await client.ended();
  expect(answer).toMatch(/HTTP\/1.1 502 Bad Gateway\r\n/);
  expect(answer).toContain('X-Cf-RouterError: endpoint_failure (malformed HTTP response');
  expect(answer).not.toContain('Set-Cookie');
});

test('lengths that a backend repeats, or gives beside chunks, go out once and true', async () => {
  const proxy = await startProxy();
  const twice = await startCannedBackend('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab');
  const both = await startCannedBackend(
    'HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n',
  );
  proxy.register(twice.port, { uris: ['twice'] });
  proxy.register(both.port, { uris: ['both'] });
  const first = await rawExchange(proxy.port, 'GET / HTTP/1.1\r\nHost: twice\r\nConnection: close\r\n\r\n');
  expect(first.match(/Content-Length: 2/g)).toHaveLength(1);
  const second = await rawExchange(proxy.port, 'GET / HTTP/1.1\r\nHost: both\r\nConnection: close\r\n\r\n');
  expect(second).toMatch(/Transfer-Encoding: chunked[\s\S]*2\r\nab\r\n0\r\n\r\n$/);
  expect(second).not.toContain('Content-Length');
  expect(proxy.upstreams.idleCount).toBe(1);
});

test('a field that only looks like one of the router does not reach the backend', async () => {
  const proxy = await startProxy();
  const backend = await startBackend((request, response) => response.end(JSON.stringify(request.rawHeaders)));
  proxy.register(backend.port);
  const fields =
    'X_Forwarded_For: 6.6.6.6\r\nx_cf_instanceid: forged\r\nX-Cf_ApplicationID: forged\r\nX_Mine: kept\r\n';
  const answer = await rawExchange(proxy.port, `GET / HTTP/1.1\r\n${host}${fields}Connection: close\r\n\r\n`);
  expect(answer).not.toMatch(/6\.6\.6\.6|forged/);
  expect(answer).toContain('X_Mine');
});
