import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { type BuiltContent, buildImage, buildIndex, jsonContent } from '@slipway/testing';
import { expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import type { OciErrorCode } from '../errors.ts';
import { mediaTypes } from '../media-types.ts';
import {
  closing,
  code,
  failure,
  image,
  layer,
  PASSWORD,
  platform,
  repositoryAt,
  SHORT,
  serve,
} from './hostile-pull.test-support.ts';
import { always, endless, type Handler, honest } from './hostile-registry.test-support.ts';

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
