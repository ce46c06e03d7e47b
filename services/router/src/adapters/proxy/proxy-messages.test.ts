import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders, type RequestOptions } from 'node:http';
import { buffer, text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { HOST, startBackend, startCannedBackend, startProxy, startProxyTo } from './proxy.test-support.ts';
import { rawClient, rawExchange } from './raw-client.test-support.ts';

type Options = Omit<RequestOptions, 'headers'> & { readonly headers?: OutgoingHttpHeaders };

/** A request by Node's own client, whose parser thereby judges what the router sends. */
async function send(port: number, options: Options = {}, body?: string | Buffer): Promise<IncomingMessage> {
  const request = httpRequest({
    host: '127.0.0.1',
    port,
    agent: false,
    ...options,
    headers: { host: HOST, ...options.headers },
  });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
}

test('a request and its response go through with status, fields and body', async () => {
  const proxy = await startProxyTo((request, response) => {
    response.writeHead(201, 'Made', { 'content-type': 'text/x', 'x-app': 'yes', 'x-url': request.url });
    response.end(`${request.method} ${String(request.headers['x-mine'])}`);
  });
  const response = await send(proxy.port, { method: 'PUT', path: '/a//b?c=%20d', headers: { 'x-mine': 'm' } });
  expect(response.statusCode).toBe(201);
  expect(response.statusMessage).toBe('Made');
  expect(response.headers).toMatchObject({ 'content-type': 'text/x', 'x-app': 'yes', 'x-url': '/a//b?c=%20d' });
  expect(response.headers['x-vcap-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  expect(await text(response)).toBe('PUT m');
  expect(proxy.records).toMatchObject([{ status: 201, responseBytes: 5, attempts: 1, routerError: '' }]);
});

test('the backend is told of the client and the instance', async () => {
  const proxy = await startProxy();
  const backend = await startBackend((request, response) => response.end(JSON.stringify(request.headers)));
  proxy.register(backend.port, { app: 'the-app', private_instance_id: 'the-instance', private_instance_index: '3' });
  const headers = {
    'x-forwarded-for': '9.9.9.9',
    'x-vcap-request-id': 'forged',
    'x-cf-instanceid': 'forged',
    te: 'trailers',
  };
  const seen = JSON.parse(await text(await send(proxy.port, { headers })));
  expect(seen).toMatchObject({
    host: HOST,
    'x-forwarded-for': '9.9.9.9, 127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-cf-applicationid': 'the-app',
    'x-cf-instanceid': 'the-instance',
    'x-cf-instanceindex': '3',
    te: 'trailers',
  });
  expect(seen['x-vcap-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  expect(Number(seen['x-request-start'])).toBeGreaterThan(1e12);
  expect(seen).not.toHaveProperty('connection');
});

test.each([
  ['content-length', 1],
  ['content-length', 3_000_000],
  ['chunked', 1],
  ['chunked', 3_000_000],
])('bodies go both ways unharmed: %s, %i bytes', async (framing, size) => {
  const proxy = await startProxyTo((request, response) => {
    if (framing === 'content-length') response.setHeader('content-length', request.headers['content-length'] ?? '');
    request.pipe(response);
  });
  const body = Buffer.alloc(size, 'abcdefghijklmnopqrstuvwxyz');
  const headers = framing === 'chunked' ? { 'transfer-encoding': 'chunked' } : { 'content-length': size };
  const response = await send(proxy.port, { method: 'POST', headers }, body);
  expect(Buffer.compare(await buffer(response), body)).toBe(0);
  await proxy.until(() => proxy.records.length === 1);
  expect(proxy.records[0]).toMatchObject({ requestBytes: size, responseBytes: size });
});

test('a body is streamed: each part arrives before the next is written', async () => {
  const proxy = await startProxyTo((request, response) => {
    response.write('hello');
    request.on('data', (bytes: Buffer) => response.write(`<${bytes.toString()}>`));
    request.on('end', () => response.end('bye'));
  });
  const client = await rawClient(proxy.port);
  client.send(`POST / HTTP/1.1\r\nHost: ${HOST}\r\nTransfer-Encoding: chunked\r\n\r\n`);
  await client.until('hello');
  client.send('3\r\none\r\n');
  await client.until('<one>');
  client.send('3\r\ntwo\r\n');
  await client.until('<two>');
  client.send('0\r\n\r\n');
  await client.until('bye');
  await client.until('0\r\n\r\n');
});

test('trailers go through, those that could deceive do not', async () => {
  const proxy = await startProxyTo((request, response) => {
    response.setHeader('trailer', 'x-sum');
    request.resume().on('end', () => {
      response.write(JSON.stringify(request.trailers));
      response.addTrailers({ 'x-sum': '42' });
      response.end();
    });
  });
  const client = await rawClient(proxy.port);
  const body = '1\r\na\r\n0\r\nX-Mine: 1\r\nAuthorization: a\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n';
  client.send(`POST / HTTP/1.1\r\nHost: ${HOST}\r\nTransfer-Encoding: chunked\r\n\r\n${body}`);
  const answer = await client.until('x-sum: 42\r\n\r\n');
  expect(answer).toContain('{"x-mine":"1"}');
});

test('chunk extensions do not reach the backend', async () => {
  const proxy = await startProxyTo((request, response) => request.pipe(response));
  const client = await rawClient(proxy.port);
  client.send(`POST / HTTP/1.1\r\nHost: ${HOST}\r\nTransfer-Encoding: chunked\r\n\r\n`);
  client.send('3;a=b;c="d"\r\nabc\r\n0;last\r\n\r\n');
  await client.until('abc');
  await client.until('0\r\n\r\n');
  expect(proxy.records).toMatchObject([{ status: 200, requestBytes: 3, responseBytes: 3 }]);
});

test.each([
  ['HEAD', 200, { 'content-length': '5' }],
  ['GET', 204, {}],
  ['GET', 304, { etag: '"e"' }],
])('%s answered %i has no body, and the connection goes on', async (method, status, headers) => {
  const proxy = await startProxyTo((_, response) => {
    response.writeHead(status, headers);
    response.end();
  });
  const client = await rawClient(proxy.port);
  client.send(`${method} /1 HTTP/1.1\r\nHost: ${HOST}\r\n\r\n${method} /2 HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
  const both = await client.until('\r\n\r\n', 2);
  expect(both.match(new RegExp(`^HTTP/1.1 ${status} `, 'gm'))).toHaveLength(2);
  for (const [name, value] of Object.entries(headers)) expect(both).toContain(`${name}: ${value}`);
  if (status === 204) expect(both.toLowerCase()).not.toMatch(/content-length|transfer-encoding/);
  expect(proxy.upstreams).toMatchObject({ dialed: 1, reused: 1 });
});

test('a response that ends with its connection becomes chunks for HTTP/1.1 and ends the connection for HTTP/1.0', async () => {
  const proxy = await startProxy();
  const backend = await startCannedBackend('HTTP/1.0 200 OK\r\nX-A: b\r\n\r\nto the end', (socket) => socket.end());
  proxy.register(backend.port);
  const client = await rawClient(proxy.port);
  client.send(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
  const answer = await client.until('0\r\n\r\n');
  expect(answer).toMatch(/Transfer-Encoding: chunked\r\n[\s\S]*\r\n\r\na\r\nto the end\r\n0\r\n\r\n$/);
  const old = await rawExchange(proxy.port, `GET / HTTP/1.0\r\nHost: ${HOST}\r\n\r\n`);
  expect(old).toMatch(/Connection: close\r\n\r\nto the end$/);
  expect(old).not.toContain('chunked');
});

test('a chunked response is taken apart for an HTTP/1.0 client', async () => {
  const proxy = await startProxyTo((_, response) => {
    response.write('one ');
    response.end('two');
  });
  const answer = await rawExchange(proxy.port, `GET / HTTP/1.0\r\nHost: ${HOST}\r\nConnection: keep-alive\r\n\r\n`);
  expect(answer).toMatch(/\r\n\r\none two$/);
  expect(answer).toContain('Connection: close');
});

test('an HTTP/1.0 client that asks for it keeps its connection when the length is known', async () => {
  const proxy = await startProxyTo((request, response) => {
    response.setHeader('content-length', 2);
    response.end(request.url);
  });
  const client = await rawClient(proxy.port);
  client.send(`GET /1 HTTP/1.0\r\nHost: ${HOST}\r\nConnection: Keep-Alive\r\n\r\n`);
  expect(await client.until('/1')).toContain('Connection: keep-alive');
  client.send(`GET /2 HTTP/1.0\r\nHost: ${HOST}\r\n\r\n`);
  expect(await client.ended()).toMatch(/Connection: close[\s\S]*\/2$/);
});

test('pipelined requests are answered in order, bodies and all', async () => {
  const seen: string[] = [];
  const proxy = await startProxyTo((request, response) => {
    void text(request).then((body) => {
      seen.push(`${request.url}:${body}`);
      response.end(`[${request.url}:${body}]`);
    });
  });
  const client = await rawClient(proxy.port);
  const host = `Host: ${HOST}\r\n`;
  client.send(
    `POST /1 HTTP/1.1\r\n${host}Content-Length: 3\r\n\r\nabc\r\n` +
      `POST /2 HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n` +
      `GET /3 HTTP/1.1\r\n${host}\r\nGET /4 HTTP/1.1\r\n${host}Connection: close\r\n\r\nGET /5 HTTP/1.1\r\n${host}\r\n`,
  );
  const answers = await client.ended();
  expect(answers.match(/\[.*?\]/g)).toEqual(['[/1:abc]', '[/2:de]', '[/3:]', '[/4:]']);
  expect(seen).toEqual(['/1:abc', '/2:de', '/3:', '/4:']);
});

test('thousands of pipelined requests that the router answers itself do not exhaust it', async () => {
  const proxy = await startProxy();
  const client = await rawClient(proxy.port);
  const count = 5_000;
  client.send('GET / HTTP/1.1\r\nHost: nowhere\r\n\r\n'.repeat(count));
  await client.until('unknown_route', count);
  expect(proxy.records).toHaveLength(count);
});

test('the 100 of a backend reaches the client before the body is sent', async () => {
  const proxy = await startProxyTo((request, response) => {
    void text(request).then((body) => response.end(`got ${body}`));
  });
  const client = await rawClient(proxy.port);
  client.send(`POST / HTTP/1.1\r\nHost: ${HOST}\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n`);
  await client.until('HTTP/1.1 100 Continue\r\n\r\n');
  client.send('body');
  const answer = await client.until('got body');
  expect(answer.match(/HTTP\/1.1 100/g)).toHaveLength(1);
});

test('a final answer in place of the 100 ends the connection, for what follows may or may not be the body', async () => {
  const proxy = await startProxy();
  const backend = await startBackend(() => {});
  backend.server.on('checkContinue', (_, response) => {
    response.writeHead(417, { 'content-length': 2 });
    response.end('no');
  });
  proxy.register(backend.port);
  const answer = await rawExchange(
    proxy.port,
    `POST / HTTP/1.1\r\nHost: ${HOST}\r\nExpect: 100-continue\r\nContent-Length: 30\r\n\r\n`,
  );
  expect(answer).toMatch(/^HTTP\/1.1 417[\s\S]*Connection: close[\s\S]*\r\n\r\nno$/);
});

test('early hints go through, but not to HTTP/1.0', async () => {
  const proxy = await startProxyTo((_, response) => {
    response.writeEarlyHints({ link: '</a.css>; rel=preload' });
    response.end('x');
  });
  const client = await rawClient(proxy.port);
  client.send(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
  expect(await client.until('HTTP/1.1 200')).toMatch(
    /^HTTP\/1.1 103 Early Hints\r\nLink: <\/a.css>; rel=preload\r\n\r\n/i,
  );
  const old = await rawExchange(proxy.port, `GET / HTTP/1.0\r\nHost: ${HOST}\r\n\r\n`);
  expect(old).toMatch(/^HTTP\/1.1 200/);
});

test('connections to the backend and to the client are used again', async () => {
  const proxy = await startProxyTo((_, response) => response.end('x'));
  const client = await rawClient(proxy.port);
  for (let i = 1; i <= 5; i++) {
    client.send(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    await client.until('HTTP/1.1 200', i);
    await proxy.until(() => proxy.records.length === i);
  }
  expect(proxy.upstreams).toMatchObject({ dialed: 1, reused: 4, idleCount: 1 });
});

test('fields for one hop only stay on it', async () => {
  const proxy = await startProxyTo((request, response) => {
    response.writeHead(200, {
      connection: 'X-Secret',
      'x-secret': 's',
      'keep-alive': 'timeout=9',
      'x-kept': 'k',
      'x-cf-proxy-signature': 'p',
    });
    response.end(JSON.stringify(request.headers));
  });
  const response = await send(proxy.port, {
    headers: {
      connection: 'x-hop, x-forwarded-for, cookie',
      'x-hop': '1',
      'x-forwarded-for': '8.8.8.8',
      cookie: 'a=b',
      'proxy-authorization': 'p',
      'keep-alive': '5',
      upgrade: 'h2c',
      te: 'gzip',
    },
  });
  expect(response.headers).toMatchObject({ 'x-kept': 'k' });
  for (const name of ['x-secret', 'keep-alive', 'x-cf-proxy-signature'])
    expect(response.headers).not.toHaveProperty(name);
  const seen = JSON.parse(await text(response));
  expect(seen).toMatchObject({ 'x-forwarded-for': '8.8.8.8, 127.0.0.1', cookie: 'a=b' });
  for (const name of ['x-hop', 'proxy-authorization', 'upgrade', 'te', 'keep-alive'])
    expect(seen).not.toHaveProperty(name);
});

test('an absolute-form target decides the host', async () => {
  const proxy = await startProxyTo((request, response) => response.end(`${request.headers.host} ${request.url}`));
  const answer = await rawExchange(
    proxy.port,
    `GET http://${HOST.toUpperCase()}:81/p?q HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n`,
  );
  expect(answer).toContain(`${HOST.toUpperCase()}:81 /p?q`);
});
