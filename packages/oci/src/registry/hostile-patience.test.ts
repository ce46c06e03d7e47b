import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { mediaTypes } from '../media-types.ts';
import { closing, code, failure, image, layer, repositoryAt, SHORT, serve } from './hostile-pull.test-support.ts';
import { always, type Handler, honest } from './hostile-registry.test-support.ts';

test('a reader that gives up lets go of the connection', async () => {
  const gone = Promise.withResolvers<void>();
  const server = await serve((request, response) => {
    request.socket.once('close', () => gone.resolve());
    response.writeHead(200);
    // One piece and then nothing: the reader is left waiting for more.
    response.write(layer.bytes.subarray(0, 100));
  });
  const { repository } = repositoryAt(server, { deadlines: { bodyIdleMs: 3_600_000 } });
  const stream = await repository.openBlob(layer);
  await once(stream, 'data');
  stream.destroy();
  await gone.promise;
});

test.each<[name: string, handler: Handler]>([
  ['never answers', () => undefined],
  [
    'sends its headers letter by letter',
    (_request, response) => {
      const { socket } = response;
      socket?.write('HTTP/1.1 200 OK\r\nX: ');
      const timer = setInterval(() => socket?.write('y'), 20);
      socket?.on('close', () => clearInterval(timer));
    },
  ],
  [
    'sends its manifest letter by letter',
    (_request, response) => {
      response.writeHead(200, { 'content-type': mediaTypes.ociManifest });
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    },
  ],
])('a registry that %s is given up in time', async (_name, handler) => {
  const server = await serve(handler);
  const error = await failure(repositoryAt(server, { deadlines: SHORT }).inspect());
  expect(error).toMatchObject({ code: 'REGISTRY_TIMEOUT', kind: 'timeout', transient: true });
  expect(server.paths.length).toBe(2);
});

test('a loopback server that waits for the end of a line is taken for plain http after the handshake deadline', async () => {
  const pieces: string[] = [];
  const server = createServer((socket: Socket) => {
    socket.on('data', (data) => {
      pieces.push(data.toString('latin1'));
      if (data.toString('latin1').startsWith('GET ')) socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n');
    });
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => void server.close());
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const error = await failure(repositoryAt({ address }, { deadlines: SHORT }).inspect());
  expect(error.code).toBe('MANIFEST_NOT_FOUND');
  expect(pieces[0]?.startsWith('\x16\x03')).toBe(true);
});

test('an abort rejects with its own reason, while waiting, reading and between attempts', async () => {
  const reason = new Error('the build was cancelled');
  const waiting = await serve(() => undefined);
  const controller = new AbortController();
  const pending = repositoryAt(waiting).repository.getManifest('v1', { signal: controller.signal });
  await expect.poll(() => waiting.paths.length).toBe(1);
  controller.abort(reason);
  await expect(pending).rejects.toBe(reason);

  const dripping = await serve((_request, response) => {
    response.writeHead(200);
    response.write(layer.bytes.subarray(0, 100));
  });
  const reading = new AbortController();
  const stream = await repositoryAt(dripping).repository.openBlob(layer, { signal: reading.signal });
  stream.once('data', () => reading.abort(reason));
  await expect(once(stream, 'end')).rejects.toBe(reason);

  const busy = await serve(always(503, { 'retry-after': '30' }));
  const steps: string[] = [];
  const retrying = new AbortController();
  const retried = repositoryAt(busy, { steps }).repository.getManifest('v1', { signal: retrying.signal });
  await expect.poll(() => steps.some((step) => step.includes('asking again in 30.'))).toBe(true);
  retrying.abort(reason);
  await expect(retried).rejects.toBe(reason);

  await expect(repositoryAt(busy).repository.getManifest('v1', { signal: AbortSignal.abort(reason) })).rejects.toBe(
    reason,
  );
  expect(busy.paths.length).toBe(1);
});

test('a registry that is overloaded for a moment is asked again', async () => {
  let failures = 3;
  const server = await serve((request, response) => {
    failures -= 1;
    const answers: Handler[] = [
      honest(image),
      always(429, { 'retry-after': '0' }),
      always(502, {}),
      (_request, { socket }) => void socket?.destroy(),
    ];
    answers[Math.max(failures + 1, 0)]?.(request, response);
  });
  const steps: string[] = [];
  const { inspect } = repositoryAt(server, { steps });
  expect((await inspect()).manifestDigest).toBe(image.manifest.digest);
  expect(steps.filter((step) => step.includes('asking again')).length).toBe(3);
});

test('a registry that stays broken is asked four times', async () => {
  const server = await serve(always(500, {}));
  expect(await code(server)).toBe('REGISTRY_UNAVAILABLE');
  expect(server.paths.length).toBe(4);
});

test('a rate limit that lasts longer than is worth waiting for is reported at once, with its time', async () => {
  const body = JSON.stringify({
    errors: [{ code: 'TOOMANYREQUESTS', message: 'You have reached your pull rate limit.' }],
  });
  const server = await serve(always(429, { 'retry-after': '3600', 'content-type': 'application/json' }, body));
  const error = await failure(repositoryAt(server).inspect());
  expect(error).toMatchObject({ code: 'RATE_LIMITED', kind: 'exhausted', retryAfterMs: 3_600_000 });
  expect(error.message).toMatch(/429 \(TOOMANYREQUESTS: You have reached your pull rate limit\.\).*wait 3600 s/);
  expect(server.paths.length).toBe(1);
});
