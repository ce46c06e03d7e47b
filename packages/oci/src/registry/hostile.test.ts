import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { type BuiltContent, buildImage, buildIndex, buildLayer, jsonContent } from '@slipway/testing';
import { afterEach, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import type { OciErrorCode } from '../errors.ts';
import { mediaTypes } from '../media-types.ts';
import { parseReference } from '../reference.ts';
import { RegistryCredentials } from './credentials.ts';
import {
  always,
  endless,
  type Handler,
  type HostileServer,
  honest,
  startHostile,
} from './hostile-registry.test-support.ts';
import type { Deadlines } from './limits.ts';
import { RegistryClient, type RegistryClientOptions } from './registry-client.ts';
import { RegistryError } from './registry-error.ts';
import { inspectImage } from './resolve.ts';

const PASSWORD = 'canary-password';
const ENCODED = Buffer.from(`alice:${PASSWORD}`).toString('base64');
const credentials = new RegistryCredentials('alice', PASSWORD);
const platform = { os: 'linux', architecture: 'amd64' };
const retries = { baseMs: 1, capMs: 2 };
/** Short, but long enough for a busy machine to answer what is meant to be answered. */
const SHORT: Partial<Deadlines> = { headersMs: 300, bodyIdleMs: 300, documentMs: 900, probeMs: 300, blobGraceMs: 300 };

const image = buildImage({ layers: [buildLayer([{ name: 'a', content: 'a'.repeat(5000) }], 'none')] });
const [layer] = image.layers;
if (layer === undefined) throw new Error('the image has a layer');

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) {
    await close();
  }
});

async function serve(handler: Handler, options?: { tls?: boolean }): Promise<HostileServer> {
  const server = await startHostile(handler, options);
  closing.push(() => server.stop());
  return server;
}

function repositoryAt(
  server: { readonly address: string },
  options: RegistryClientOptions & { steps?: string[] } = {},
) {
  const client = new RegistryClient({ retries, ...options });
  closing.push(() => client.close());
  const reference = parseReference(`${server.address}/team/app:v1`);
  const repository = client.repository(reference, { credentials, onStep: (text) => options.steps?.push(text) });
  return { repository, inspect: () => inspectImage(repository, reference, { platform }) };
}

/** The error of a promise that must fail; and it must not hold the password in any form or place. */
async function failure(promise: Promise<unknown>): Promise<RegistryError> {
  const error = await promise.then(
    () => {
      throw new Error('succeeded');
    },
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RegistryError);
  const printed = `${inspect(error, { depth: 9 })} ${JSON.stringify(error)}`;
  expect(printed).not.toContain(PASSWORD);
  expect(printed).not.toContain(ENCODED);
  return error as RegistryError;
}

async function code(server: HostileServer, options?: RegistryClientOptions): Promise<OciErrorCode> {
  return (await failure(repositoryAt(server, options).inspect())).code;
}

const asIs =
  ({ mediaType, bytes }: BuiltContent, headers: Readonly<Record<string, string>> = {}): Handler =>
  (request, response) =>
    /manifests/.test(request.url ?? '')
      ? always(200, { 'content-type': mediaType, ...headers }, bytes)(request, response)
      : honest(image)(request, response);

test('the honest registry is believed', async () => {
  const { inspect } = repositoryAt(await serve(honest(image)));
  expect((await inspect()).manifestDigest).toBe(image.manifest.digest);
});

test.each<[lie: string, handler: Handler, code: OciErrorCode]>([
  [
    'a digest header of other bytes',
    asIs(image.manifest, { 'docker-content-digest': digestOf('x') }),
    'DIGEST_MISMATCH',
  ],
  [
    'another media type in the header',
    asIs(image.manifest, { 'content-type': mediaTypes.ociIndex }),
    'MEDIA_TYPE_MISMATCH',
  ],
  ['a web page', always(200, { 'content-type': 'text/html' }, '<html>'), 'DOCUMENT_MALFORMED'],
  [
    'JSON that is cut off',
    always(200, { 'content-type': mediaTypes.ociManifest }, '{"schemaVersion":2,'),
    'DOCUMENT_MALFORMED',
  ],
  [
    'an index that is a manifest as well',
    asIs(
      jsonContent(mediaTypes.ociIndex, {
        ...JSON.parse(image.manifest.bytes.toString()),
        mediaType: mediaTypes.ociIndex,
        manifests: [],
      }),
    ),
    'DOCUMENT_AMBIGUOUS',
  ],
  [
    'a schema 1 manifest',
    always(200, { 'content-type': mediaTypes.dockerSchema1Signed }, '{"schemaVersion":1}'),
    'SCHEMA1_UNSUPPORTED',
  ],
  ['a manifest that says it is compressed', asIs(image.manifest, { 'content-encoding': 'gzip' }), 'REGISTRY_PROTOCOL'],
  [
    'a manifest of five megabytes, announced',
    always(200, { 'content-type': mediaTypes.ociManifest }, Buffer.alloc(5_000_000, ' ')),
    'DOCUMENT_TOO_LARGE',
  ],
  [
    'a manifest without end',
    endless(200, { 'content-type': mediaTypes.ociManifest }, ' '.repeat(65_536)),
    'DOCUMENT_TOO_LARGE',
  ],
  [
    'a refusal without end',
    endless(403, { 'content-type': 'application/json' }, ' '.repeat(65_536)),
    'REGISTRY_FORBIDDEN',
  ],
  ['a success that is none', always(206, {}, 'partial'), 'REGISTRY_PROTOCOL'],
  ['headers without end', (_q, r) => void r.writeHead(200, { x: 'y'.repeat(100_000) }).end(), 'REGISTRY_PROTOCOL'],
  ['no HTTP at all', (_q, r) => void r.socket?.end('SSH-2.0-OpenSSH\r\n'), 'REGISTRY_PROTOCOL'],
  ['a login of no known kind', always(401, { 'www-authenticate': 'Negotiate' }), 'REGISTRY_UNAUTHORIZED'],
  ['a 401 without a challenge', always(401, {}), 'REGISTRY_UNAUTHORIZED'],
  ['a 401 for ever', always(401, { 'www-authenticate': 'Basic realm="x"' }), 'REGISTRY_UNAUTHORIZED'],
])('%s is refused', async (_lie, handler, expected) => {
  expect(await code(await serve(handler))).toBe(expected);
});

test('a manifest fetched by digest must have it, and the size and type that the index gave', async () => {
  const other = buildImage({ layers: [], config: { Cmd: ['other'] } });
  const { digest, mediaType, size } = image.manifest;
  const index = (entry: object): BuiltContent =>
    jsonContent(mediaTypes.ociIndex, {
      schemaVersion: 2,
      manifests: [{ digest, mediaType, size, platform, ...entry }],
    });
  const behind =
    (top: BuiltContent, inner: BuiltContent): Handler =>
    (request, response) =>
      asIs(request.url?.endsWith('/v1') ? top : inner)(request, response);

  expect(await code(await serve(behind(index({}), other.manifest)))).toBe('DIGEST_MISMATCH');
  expect(await code(await serve(behind(index({ size: size + 1 }), image.manifest)))).toBe('SIZE_MISMATCH');
  expect(await code(await serve(behind(index({ size: size - 1 }), image.manifest)))).toBe('SIZE_MISMATCH');
  expect(await code(await serve(behind(index({ mediaType: mediaTypes.dockerManifest }), image.manifest)))).toBe(
    'MEDIA_TYPE_MISMATCH',
  );
  const nested = buildIndex([image]).manifest;
  const toIndex = index({ digest: nested.digest, size: nested.size, mediaType: mediaTypes.ociManifest });
  expect(await code(await serve(behind(toIndex, nested)))).toBe('MEDIA_TYPE_MISMATCH');
});

test('a config must be the one that the manifest names', async () => {
  const withConfig =
    (bytes: string): Handler =>
    (request, response) =>
      /blobs/.test(request.url ?? '') ? always(200, {}, bytes)(request, response) : honest(image)(request, response);
  const right = image.config.bytes.toString();
  expect(await code(await serve(withConfig(right.replace('amd64', 'arm64'))))).toBe('DIGEST_MISMATCH');
  expect(await code(await serve(withConfig(`${right} `)))).toBe('SIZE_MISMATCH');
  expect(await code(await serve(withConfig(right.slice(1))))).toBe('SIZE_MISMATCH');
});

test('a config that lists other layers than the manifest is refused', async () => {
  const config = jsonContent(mediaTypes.ociConfig, { os: 'linux', architecture: 'amd64', rootfs: { diff_ids: [] } });
  const { bytes: _, ...descriptor } = config;
  const manifest = jsonContent(mediaTypes.ociManifest, {
    ...JSON.parse(image.manifest.bytes.toString()),
    config: descriptor,
  });
  const server = await serve(honest({ ...image, manifest, config, blobs: [config] }));
  expect(await code(server)).toBe('LAYER_COUNT_MISMATCH');
});

test.each<[lie: string, handler: Handler, code: OciErrorCode]>([
  ['other bytes of the right length', always(200, {}, Buffer.alloc(layer.size)), 'DIGEST_MISMATCH'],
  ['a byte too few', always(200, {}, layer.bytes.subarray(1)), 'SIZE_MISMATCH'],
  ['a byte too many', always(200, {}, Buffer.concat([layer.bytes, Buffer.of(0)])), 'SIZE_MISMATCH'],
  ['bytes without end', endless(200, {}, 'x'.repeat(65_536)), 'SIZE_MISMATCH'],
  [
    'less than it announced',
    (_request, response) => {
      response.writeHead(200, { 'content-length': layer.size });
      response.write(layer.bytes.subarray(0, 100), () => response.socket?.destroy());
    },
    'REGISTRY_UNREACHABLE',
  ],
  [
    'bytes that stop coming',
    (_request, response) => {
      response.writeHead(200, { 'content-length': layer.size });
      response.write(layer.bytes.subarray(0, 100));
    },
    'REGISTRY_TIMEOUT',
  ],
  [
    'bytes that drip',
    (_request, response) => {
      response.writeHead(200, { 'content-length': layer.size });
      const timer = setInterval(() => response.write(layer.bytes.subarray(0, 1)), 20);
      response.on('close', () => clearInterval(timer));
    },
    'REGISTRY_TIMEOUT',
  ],
])('a blob of %s fails while it is read', async (_lie, handler, expected) => {
  const { repository } = repositoryAt(await serve(handler), { deadlines: SHORT });
  const read = async (): Promise<Buffer> => buffer(await repository.openBlob(layer));
  const error = await failure(read());
  expect(error.code).toBe(expected);
  expect(error.message).toContain(`blob: asked`);
});

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
  const error = await failure(
    repositoryAt(server, { deadlines: SHORT, retries: { ...retries, attempts: 2 } }).inspect(),
  );
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

test('a registry that repeats what it was sent does not get it into an error', async () => {
  const server = await serve((request, response) => {
    const { authorization } = request.headers;
    if (authorization === undefined) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    } else {
      const message = `you sent ${authorization}, that is ${Buffer.from(authorization.slice(6), 'base64').toString()}\r\n\u001b[31m`;
      response.writeHead(403).end(JSON.stringify({ errors: [{ code: 'DENIED', message }] }));
    }
  });
  const error = await failure(repositoryAt(server).inspect());
  expect(error.message).toContain('403 (DENIED: you sent Basic [redacted], that is alice:[redacted]');
});

test('a secret that is cut in the middle of a long refusal is not half repeated', async () => {
  const server = await serve((request, response) => {
    if (request.headers.authorization === undefined) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    } else {
      const message = `${'x'.repeat(285)}${PASSWORD}`;
      response.writeHead(403).end(JSON.stringify({ errors: [{ code: 'DENIED', message }] }));
    }
  });
  expect((await failure(repositoryAt(server).inspect())).message).not.toContain(PASSWORD.slice(0, 4));
});

test('an index of thousands of strange platforms makes no endless error', async () => {
  const { digest, mediaType, size } = image.manifest;
  const manifests = Array.from({ length: 5_000 }, (_, i) => ({
    digest,
    mediaType,
    size,
    platform: { os: `\u001b[31m\u202e${i}`, architecture: 'x'.repeat(200) },
  }));
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }));
  const server = await serve(always(200, { 'content-type': mediaTypes.ociIndex }, index));
  const error = await failure(repositoryAt(server).inspect());
  expect(error.code).toBe('PLATFORM_UNAVAILABLE');
  expect(error.message.length).toBeLessThan(3_000);
  expect(JSON.stringify(error.details).length).toBeLessThan(10_000);
  expect(`${error.message} ${JSON.stringify(error.details)}`).not.toMatch(/[\p{Cc}\p{Cf}]/u);
});

test('blanks after the value of a header are no part of it', async () => {
  const { bytes, digest, mediaType } = image.manifest;
  const server = createServer((socket) => {
    socket.once('data', () => {
      const head = `Content-Type: ${mediaType} \r\nDocker-Content-Digest: ${digest} \t`;
      socket.write(`HTTP/1.1 200 OK\r\n${head}\r\nContent-Length: ${bytes.length}\r\n\r\n`);
      socket.end(bytes);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => void server.close());
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { repository } = repositoryAt({ address }, { plainHttp: ['127.0.0.1'] });
  expect((await repository.getManifest('v1')).digest).toBe(digest);
});
