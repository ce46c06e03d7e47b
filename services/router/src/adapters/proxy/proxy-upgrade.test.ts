import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { HOST, startBackend, startProxy, startProxyTo } from './proxy.test-support.ts';
import { rawClient, rawExchange } from './raw-client.test-support.ts';

const upgrade = (protocol: string): string =>
  `GET /socket HTTP/1.1\r\nHost: ${HOST}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;

/** A backend that switches to bytes and hands over its end of them. */
async function startSwitching(onSwitched: (socket: Duplex) => void): Promise<Awaited<ReturnType<typeof startProxy>>> {
  const proxy = await startProxy();
  const backend = await startBackend((_, response) => response.end('plain'));
  backend.server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {});
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${request.headers.upgrade}\r\n\r\n`,
    );
    if (head.length > 0) socket.unshift(head);
    onSwitched(socket);
  });
  proxy.register(backend.port);
  return proxy;
}

test('after a switch bytes flow both ways, those that came with the heads included', async () => {
  const proxy = await startSwitching((socket) => {
    socket.write('hello ');
    socket.on('data', (bytes) => socket.write(`<${bytes}>`));
  });
  const client = await rawClient(proxy.port);
  client.send(`${upgrade('echo')}early`);
  const answer = await client.until('<early>');
  expect(answer).toMatch(/^HTTP\/1.1 101 Switching Protocols\r\n/);
  expect(answer).toMatch(/Connection: Upgrade\r\nUpgrade: echo\r\n\r\nhello /);
  client.send('later');
  await client.until('<later>');
});

test('Node’s own WebSocket client talks to an app through the router', async () => {
  const proxy = await startProxy();
  const backend = await startBackend(() => {});
  backend.server.on('upgrade', (request, socket) => {
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash('sha1').update(key).digest('base64');
    const fields = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n`;
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n`);
    socket.write(Buffer.from([0x81, 5, ...Buffer.from('hello')]));
  });
  proxy.register(backend.port, { uris: ['localhost'] });
  const socket = new WebSocket(`ws://localhost:${proxy.port}/`);
  const [message] = (await once(socket, 'message')) as [MessageEvent];
  expect(message.data).toBe('hello');
  socket.close();
});

test('the end of one side’s words reaches the other, which may go on', async () => {
  const proxy = await startSwitching((socket) => {
    socket.on('end', () => socket.end('last words'));
    socket.resume();
  });
  const client = await rawClient(proxy.port);
  client.send(upgrade('half'));
  await client.until('101');
  client.socket.end();
  expect(await client.ended()).toMatch(/last words$/);
  client.socket.destroy();
  await proxy.until(() => proxy.records.length === 1);
  expect(proxy.records).toMatchObject([{ status: 101, responseBytes: 10 }]);
});

test('a tunnel closes at both ends when one breaks', async () => {
  const opened = Promise.withResolvers<Duplex>();
  const proxy = await startSwitching((socket) => opened.resolve(socket));
  const client = await rawClient(proxy.port);
  client.send(upgrade('x'));
  const backend = await opened.promise;
  const ended = once(backend.resume(), 'end');
  client.socket.resetAndDestroy();
  await ended;
  await proxy.until(() => proxy.records.length === 1);
});

test('an app that declines answers as to any request, and the connection goes on', async () => {
  const proxy = await startProxyTo((request, response) => {
    response.writeHead(426, { upgrade: 'websocket', connection: 'upgrade' });
    response.end(request.url);
  });
  const client = await rawClient(proxy.port);
  client.send(`${upgrade('websocket')}GET /next HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`);
  const answers = await client.ended();
  expect(answers.match(/HTTP\/1.1 426/g)).toHaveLength(2);
  expect(answers).toMatch(/\/socket[\s\S]*\/next/);
});

test.each(['h2c', 'HTTP/2.0', 'TLS/1.0', 'websocket, h2c'])('an upgrade to %s is not passed on', async (protocol) => {
  const proxy = await startProxyTo((request, response) => response.end(`upgrade=${request.headers.upgrade}`));
  const client = await rawClient(proxy.port);
  client.send(
    upgrade(protocol).replace('Upgrade\r\n', 'Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'),
  );
  await client.until('upgrade=undefined');
});

test('a tunnel outlasts the request timeout, and stopping does not wait for it', async () => {
  const proxy = await startProxy({ requestTimeoutMs: 100 });
  const backend = await startBackend(() => {});
  backend.server.on('upgrade', (_, socket) => {
    socket.on('error', () => {});
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    socket.on('data', (bytes) => socket.write(`<${bytes}>`));
  });
  proxy.register(backend.port);
  const client = await rawClient(proxy.port);
  client.send(upgrade('x'));
  await client.until('101');
  // Another request's timeout is the clock: it began later and has run out.
  const slow = await startBackend(() => {});
  proxy.register(slow.port, { uris: ['slow'] });
  expect(await rawExchange(proxy.port, 'GET / HTTP/1.1\r\nHost: slow\r\nConnection: close\r\n\r\n')).toContain('502');
  client.send('still here');
  await client.until('<still here>');
  proxy.drain();
  await proxy.server.close(60_000);
  await client.ended();
});
