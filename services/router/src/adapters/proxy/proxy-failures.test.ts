import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import {
  closedPort,
  HOST,
  startBackend,
  startCannedBackend,
  startProxy,
  startProxyTo,
  startRawBackend,
} from './proxy.test-support.ts';
import { rawClient, rawExchange } from './raw-client.test-support.ts';

const get = `GET / HTTP/1.1\r\nHost: ${HOST}\r\n`;
const lastGet = `${get}Connection: close\r\n\r\n`;
const post = (body: string): string =>
  `POST / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

test('a request goes to another endpoint when the first refuses the connection, body and all', async () => {
  const proxy = await startProxy();
  const backend = await startBackend((request, response) => {
    void text(request).then((body) => response.end(`got ${body}`));
  });
  proxy.register(await closedPort());
  proxy.register(await closedPort());
  proxy.register(backend.port);
  const answer = await rawExchange(proxy.port, post('the body'));
  expect(answer).toContain('got the body');
  expect(proxy.records).toMatchObject([{ status: 200, attempts: 3, routerError: '' }]);
  expect(proxy.failures.map(({ kind }) => kind)).toEqual(['dial', 'dial']);
});

test('a backend that refused is passed over afterwards', async () => {
  const proxy = await startProxy();
  proxy.register(await closedPort());
  proxy.register((await startBackend((_, response) => response.end('alive'))).port);
  for (let i = 0; i < 6; i++) await rawExchange(proxy.port, lastGet);
  expect(proxy.records.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
  expect(proxy.failures).toHaveLength(1);
});

test('when no endpoint takes the connection the answer is 502 after as many attempts as are allowed', async () => {
  const proxy = await startProxy({ maxAttempts: 2 });
  for (let i = 0; i < 4; i++) proxy.register(await closedPort());
  const answer = await rawExchange(proxy.port, lastGet);
  expect(answer).toMatch(/^HTTP\/1.1 502 Bad Gateway\r\n/);
  expect(answer).toMatch(
    /X-Cf-RouterError: endpoint_failure \(dial tcp 127.0.0.1:\d+: connect: connection refused\)\r\n/,
  );
  expect(answer).toMatch(/\r\n\r\n502 Bad Gateway: Registered endpoint failed to handle the request.\n$/);
  expect(answer).not.toContain('X-Vcap-Request-Id');
  expect(proxy.failures).toHaveLength(2);
});

test('an endpoint that is tried is not tried again for the same request', async () => {
  const proxy = await startProxy();
  proxy.register(await closedPort());
  await rawExchange(proxy.port, lastGet);
  expect(proxy.records).toMatchObject([{ status: 502, attempts: 1 }]);
});

test('a backend that does not take the connection in time is given up', async () => {
  const proxy = await startProxy({ dialTimeoutMs: 100 });
  // TEST-NET-1 (RFC 5737): nobody answers there, or the network says so at once.
  proxy.register(9, { host: '192.0.2.1' });
  proxy.register((await startBackend((_, response) => response.end('alive'))).port);
  expect(await rawExchange(proxy.port, lastGet)).toContain('alive');
  expect(proxy.failures[0]?.kind).toMatch(/^dial/);
});

test('an idle connection that the backend has closed costs no request', async () => {
  const proxy = await startProxy();
  const sockets: Socket[] = [];
  const backend = await startRawBackend((socket) => {
    sockets.push(socket);
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  });
  proxy.register(backend.port);
  await rawExchange(proxy.port, lastGet);
  expect(proxy.upstreams.idleCount).toBe(1);
  sockets[0]?.destroy();
  await expect.poll(() => proxy.upstreams.idleCount).toBe(0);
  expect(await rawExchange(proxy.port, lastGet)).toContain('200 OK');
});

/** Answers the first request on each connection, and closes at the second, as a backend does that was just about to. */
function startForgetfulBackend(seen: string[]): Promise<{ port: number }> {
  return startRawBackend((socket) => {
    let requests = 0;
    socket.on('data', (bytes) => {
      seen.push(bytes.toString('latin1').split(' ', 1)[0] ?? '');
      if (++requests === 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      else socket.destroy();
    });
  });
}

test('a request that may be repeated is, when a connection used again turns out to be closed', async () => {
  const proxy = await startProxy();
  const seen: string[] = [];
  proxy.register((await startForgetfulBackend(seen)).port);
  await rawExchange(proxy.port, lastGet);
  expect(await rawExchange(proxy.port, lastGet)).toContain('200 OK');
  expect(seen).toEqual(['GET', 'GET', 'GET']);
  expect(proxy.records).toMatchObject([{ attempts: 1 }, { status: 200, attempts: 1 }]);
  expect(proxy.failures).toEqual([]);
});

test('a request that changes something is not repeated once it was sent', async () => {
  const proxy = await startProxy();
  let requests = 0;
  const backend = await startRawBackend((socket) => {
    socket.on('data', () => {
      requests++;
      socket.destroy();
    });
  });
  proxy.register(backend.port);
  proxy.register(backend.port, { host: 'localhost' });
  const answer = await rawExchange(proxy.port, post('x'));
  expect(answer).toMatch(/^HTTP\/1.1 502 [\s\S]*X-Cf-RouterError: endpoint_failure \((EOF|read tcp: .*)\)/);
  expect(requests).toBe(1);
  // A method that changes something, without a body, neither.
  expect(await rawExchange(proxy.port, lastGet.replace('GET', 'DELETE'))).toContain('502 Bad Gateway');
  expect(requests).toBe(2);
});

test('a backend that closes without an answer: GET goes to another, POST is 502', async () => {
  const proxy = await startProxy();
  const closing = await startRawBackend((socket) => socket.on('data', () => socket.end()));
  const alive = await startBackend((_, response) => response.end('alive'));
  proxy.register(closing.port);
  proxy.register(alive.port);
  expect(await rawExchange(proxy.port, lastGet)).toContain('alive');
  const pool = proxy.table.lookup(HOST, '/');
  if (pool !== undefined) pool.cursor = 0;
  expect(await rawExchange(proxy.port, post('x'))).toContain('endpoint_failure (EOF)');
});

test.each([
  ['content-length', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'],
  ['chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
  ['malformed later', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
])('a backend that dies in the midst of a body breaks the client’s connection: %s', async (kind, bytes) => {
  const proxy = await startProxy();
  let backend: Socket | undefined;
  const { port } = await startRawBackend((socket) => {
    backend = socket;
    socket.on('data', () => socket.write(bytes));
  });
  proxy.register(port);
  const client = await rawClient(proxy.port);
  client.send(`${get}\r\n`);
  await client.until('half');
  if (kind === 'malformed later') backend?.write('zz\r\n');
  else backend?.end();
  await client.ended();
  expect(client.ending()).toBe('reset');
  await proxy.until(() => proxy.records.length === 1);
  expect(proxy.records[0]?.routerError).toMatch(/^endpoint_failure/);
});

test('a body that ends with a reset connection is not taken for complete', async () => {
  const proxy = await startProxy();
  let backend: Socket | undefined;
  const { port } = await startRawBackend((socket) => {
    backend = socket;
    socket.on('data', () => socket.write('HTTP/1.0 200 OK\r\n\r\nhalf'));
  });
  proxy.register(port);
  const client = await rawClient(proxy.port);
  client.send(`GET / HTTP/1.0\r\nHost: ${HOST}\r\n\r\n`);
  await client.until('half');
  backend?.resetAndDestroy();
  await client.ended();
  expect(client.ending()).toBe('reset');
});

test.each(['destroy', 'end'] as const)('a client that leaves (%s) takes its backend request along', async (how) => {
  const left = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const proxy = await startProxyTo((request) => {
    request.socket.on('close', () => left.resolve());
    asked.resolve();
  });
  const client = await rawClient(proxy.port);
  client.send(`${get}\r\n`);
  await asked.promise;
  client.socket[how]();
  await left.promise;
  await proxy.until(() => proxy.records.length === 1);
  expect(proxy.records).toMatchObject([{ status: 499, routerError: 'endpoint_failure (context canceled)' }]);
  expect(proxy.failures).toEqual([]);
  expect(proxy.table.lookup(HOST, '/')?.endpoints[0]?.backend.waiting).toBe(0);
});

test('a request that takes too long is 502, and too long in its body a broken connection', async () => {
  const proxy = await startProxyTo(
    (request, response) => {
      if (request.url === '/begun') response.write('begun');
    },
    { requestTimeoutMs: 300 },
  );
  expect(await rawExchange(proxy.port, lastGet)).toContain('endpoint_failure (context deadline exceeded)');
  const client = await rawClient(proxy.port);
  client.send(`GET /begun HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
  await client.ended();
  expect(client.received()).toContain('begun');
  expect(client.ending()).toBe('reset');
});

test('a head that drips is cut off, a silent connection is closed without a word', async () => {
  const proxy = await startProxy({ headTimeoutMs: 300, idleTimeoutMs: 300 });
  expect(await rawExchange(proxy.port, 'GET / HTTP/1.1\r\nHost: a')).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n/);
  expect(await rawExchange(proxy.port, '')).toBe('');
  expect(proxy.rejected).toEqual(['head-timeout']);
});

test.each([
  ['a long target', `GET /${'a'.repeat(70_000)} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`],
  ['a long field', `${get}X-A: ${'a'.repeat(70_000)}\r\n\r\n`],
  ['many fields', `${get}${'X-A: b\r\n'.repeat(300)}\r\n`],
  ['a head without an end', `${get}${'X-A: b\r\n'.repeat(20_000)}`],
])('%s is 431', async (_, bytes) => {
  const proxy = await startProxyTo((_request, response) => response.end());
  const answer = await rawExchange(proxy.port, bytes);
  expect(answer).toMatch(/^HTTP\/1.1 431 [\s\S]*X-Cf-RouterError: max-request-size-exceeded[\s\S]*Connection: close/);
});

test('a head just under the limit passes', async () => {
  const proxy = await startProxy();
  const backend = await startCannedBackend('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  proxy.register(backend.port);
  const field = `X-A: ${'a'.repeat(60_000)}\r\n`;
  expect(await rawExchange(proxy.port, `${get}${field}Connection: close\r\n\r\n`)).toContain('200 OK');
});

test('a response head beyond the limit is 502', async () => {
  const proxy = await startProxy();
  const backend = await startCannedBackend(`HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(70_000)}\r\n\r\n`);
  proxy.register(backend.port);
  expect(await rawExchange(proxy.port, lastGet)).toContain('endpoint_failure (Too many response headers)');
});

test('requests beyond what all backends may have unanswered are 503', async () => {
  const asked = Promise.withResolvers<void>();
  const proxy = await startProxyTo(() => asked.resolve(), { balancer: { maxWaiting: 1, failureMarkMs: 30_000 } });
  const first = await rawClient(proxy.port);
  first.send(`${get}\r\n`);
  await asked.promise;
  const answer = await rawExchange(proxy.port, lastGet);
  expect(answer).toMatch(/^HTTP\/1.1 503 Service Unavailable\r\n/);
  expect(answer).toContain('X-Cf-RouterError: Connection Limit Reached\r\n');
  expect(answer).toContain(`503 Service Unavailable: Requested route ('${HOST}') has reached the connection limit.\n`);
});

test('a response whose head has come no longer counts as unanswered', async () => {
  const proxy = await startProxyTo((_, response) => response.write('begun'), {
    balancer: { maxWaiting: 1, failureMarkMs: 30_000 },
  });
  const clients = [await rawClient(proxy.port), await rawClient(proxy.port)];
  for (const client of clients) {
    client.send(`${get}\r\n`);
    await client.until('begun');
  }
});

test('an upload that the backend refuses early: the answer arrives, the connection ends', async () => {
  const proxy = await startProxy();
  const backend = await startRawBackend((socket) => {
    socket.once('data', () => {
      socket.end('HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig');
      socket.resume();
    });
  });
  proxy.register(backend.port);
  const client = await rawClient(proxy.port);
  client.send(`POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 50000000\r\n\r\n`);
  client.send('x'.repeat(100_000));
  const answer = await client.until('\r\n\r\nbig');
  expect(answer).toMatch(/^HTTP\/1.1 413 [\s\S]*Connection: close/);
  client.send('x'.repeat(100_000));
  await client.ended();
  expect(client.ending()).toBe('end');
});

test('a backend that no route leads to any more loses its idle connections', async () => {
  const proxy = await startProxy();
  const closed = Promise.withResolvers<void>();
  const backend = await startBackend((_, response) => response.end());
  backend.server.on('connection', (socket) => socket.on('close', () => closed.resolve()));
  proxy.register(backend.port);
  await rawExchange(proxy.port, lastGet);
  expect(proxy.upstreams.idleCount).toBe(1);
  const pool = proxy.table.lookup(HOST, '/');
  const endpoint = pool?.endpoints[0];
  if (pool === undefined || endpoint === undefined) throw new Error('no endpoint');
  proxy.table.remove(pool, endpoint, 0);
  await closed.promise;
  expect(proxy.upstreams.idleCount).toBe(0);
});

test('the time for which a backend keeps connections is respected', async () => {
  const proxy = await startProxy();
  const short = await startCannedBackend('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: timeout=1\r\n\r\n');
  proxy.register(short.port);
  await rawExchange(proxy.port, lastGet);
  expect(proxy.upstreams.idleCount).toBe(0);
});

test('stopping lets a request under way finish, closes idle connections, and takes no new ones', async () => {
  const asked = Promise.withResolvers<() => void>();
  const proxy = await startProxyTo((request, response) => {
    if (request.url === '/slow') asked.resolve(() => response.end('done'));
    else response.end('quick');
  });
  const idle = await rawClient(proxy.port);
  idle.send(`${get}\r\n`);
  await idle.until('quick');
  const busy = await rawClient(proxy.port);
  busy.send(`GET /slow HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
  const finish = await asked.promise;
  proxy.drain();
  const closed = proxy.server.close(30_000);
  await idle.ended();
  idle.socket.destroy();
  await expect(rawClient(proxy.port)).rejects.toThrow('ECONNREFUSED');
  finish();
  expect(await busy.ended()).toMatch(/Connection: close[\s\S]*done/);
  busy.socket.destroy();
  await closed;
});

test('stopping does not wait for ever', async () => {
  const asked = Promise.withResolvers<void>();
  const proxy = await startProxyTo(() => asked.resolve());
  const client = await rawClient(proxy.port);
  client.send(`${get}\r\n`);
  await asked.promise;
  await proxy.server.close(50);
  await client.ended();
  await expect.poll(() => proxy.server.connectionCount).toBe(0);
});

test('a connection that ends right behind a response is not used for a request that cannot be repeated', async () => {
  const proxy = await startProxy();
  const backend = await startRawBackend((socket) => {
    socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  });
  proxy.register(backend.port);
  const client = await rawClient(proxy.port);
  client.send(`POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 1\r\n\r\nx`.repeat(10) + lastGet);
  expect((await client.ended()).match(/HTTP\/1.1 \d+/g)).toEqual(Array.from({ length: 11 }, () => 'HTTP/1.1 200'));
});

test('a fault of the router ends the request that it happened in, and nothing else', async () => {
  const proxy = await startProxyTo((_, response) => response.end('fine'));
  const lookup = proxy.table.lookup.bind(proxy.table);
  proxy.table.lookup = (host, path) => {
    if (host === 'fault') throw new Error('a bug');
    return lookup(host, path);
  };
  const client = await rawClient(proxy.port);
  client.send('GET / HTTP/1.1\r\nHost: fault\r\n\r\n');
  await client.ended();
  expect(client.ending()).toBe('reset');
  expect(proxy.faults).toMatchObject([{ message: 'a bug' }]);
  expect(await rawExchange(proxy.port, lastGet)).toContain('fine');
});
