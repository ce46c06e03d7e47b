import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { HOST, startProxy, startProxyTo, startRawBackend } from './proxy.test-support.ts';
import { rawClient } from './raw-client.test-support.ts';

const CHUNK = Buffer.alloc(64 * 1024, 'x');
const CHUNKS = 1_600;
/** Far less than the 100 MiB of a body, far more than what kernel buffers and one chunk on its way take. */
const BOUND = 50 * 1024 * 1024;

test('a client that does not read stops the backend, and gets everything once it reads', async () => {
  const written = { bytes: 0, stalled: Promise.withResolvers<void>() };
  const proxy = await startProxyTo((_, response) => {
    const write = (): void => {
      while (written.bytes < CHUNKS * CHUNK.length) {
        written.bytes += CHUNK.length;
        if (response.write(CHUNK)) continue;
        written.stalled.resolve();
        response.once('drain', write);
        return;
      }
      response.end();
    };
    response.setHeader('content-length', CHUNKS * CHUNK.length);
    write();
  });
  const client = await rawClient(proxy.port);
  client.socket.pause();
  client.send(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`);
  await written.stalled.promise;
  await settled(() => written.bytes);
  expect(written.bytes).toBeLessThan(BOUND);
  expect(process.memoryUsage().arrayBuffers).toBeLessThan(BOUND);
  let received = 0;
  const done = new Promise((resolve) => client.socket.on('end', resolve));
  client.socket.on('data', (bytes) => {
    received += bytes.length;
  });
  client.socket.resume();
  await done;
  expect(received).toBeGreaterThan(CHUNKS * CHUNK.length);
});

test('a backend that does not read stops the client', async () => {
  const proxy = await startProxyTo((request) => {
    request.pause();
  });
  const client = await rawClient(proxy.port);
  client.send(`POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: ${CHUNKS * CHUNK.length}\r\n\r\n`);
  let sent = 0;
  const write = (): void => {
    while (sent < CHUNKS * CHUNK.length) {
      sent += CHUNK.length;
      if (!client.socket.write(CHUNK)) {
        client.socket.once('drain', write);
        return;
      }
    }
  };
  write();
  await settled(() => sent);
  expect(sent).toBeLessThan(BOUND);
});

test('pipelined requests wait while the client does not read its responses', async () => {
  const count = 20_000;
  const proxy = await startProxyTo((_, response) => response.end());
  const client = await rawClient(proxy.port);
  client.socket.pause();
  client.send(`GET / HTTP/1.1\r\nHost: ${'n'.repeat(400)}\r\n\r\n`.repeat(count));
  await settled(() => proxy.records.length);
  expect(proxy.records.length).toBeLessThan(count);
  client.socket.resume();
  await client.until('unknown_route', count);
});

test('what a client sends for nobody is read and thrown away, so that it comes to read the answer', async () => {
  const proxy = await startProxy();
  const answered = Promise.withResolvers<Socket>();
  const backend = await startRawBackend((socket) => {
    socket.once('data', () => {
      socket.pause();
      socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nto');
      answered.resolve(socket);
    });
  });
  proxy.register(backend.port);
  const upload = await rawClient(proxy.port);
  upload.send(`POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: ${CHUNKS * CHUNK.length}\r\n\r\n`);
  const socket = await answered.promise;
  await upload.until('\r\n\r\nto');
  await sendAll(upload.socket, CHUNKS);
  socket.end('o!');
  await upload.until('\r\n\r\ntoo!');
  const refused = await rawClient(proxy.port);
  refused.send('nonsense\r\n\r\n');
  await refused.until('400 Bad Request');
  await sendAll(refused.socket, 400);
});

/** Resolves when so many chunks have left the socket. */
async function sendAll(socket: Socket, chunks: number): Promise<void> {
  for (let i = 0; i < chunks; i++) if (!socket.write(CHUNK)) await once(socket, 'drain');
}

/** Resolves when the figure has stood still for a while. */
async function settled(figure: () => number): Promise<void> {
  let before = -1;
  let same = 0;
  await expect
    .poll(
      () => {
        same = figure() === before ? same + 1 : 0;
        before = figure();
        return same;
      },
      { interval: 50, timeout: 30_000 },
    )
    .toBeGreaterThan(5);
}
