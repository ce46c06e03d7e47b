import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { buildImage, buildLayer, pushImage, type RegistryProcess, startRegistry } from '@slipway/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { digestOf, parseDigest } from '../digest.ts';
import { parseReference } from '../reference.ts';
import { VerifyingStream } from '../verify-stream.ts';
import { RegistryCredentials } from './credentials.ts';
import { closing, failure, image, layer, PASSWORD, SHORT, serve } from './hostile-pull.test-support.ts';
import type { Handler, HostileServer } from './hostile-registry.test-support.ts';
import { RegistryClient, type RegistryClientOptions, type RepositoryAccess } from './registry-client.ts';
import type { RepositoryWriter } from './repository-writer.ts';
import { inspectImage } from './resolve.ts';

const account = { username: 'bob', password: 'builder' };
const bob = { credentials: new RegistryCredentials('bob', 'builder') };
const alice = { credentials: new RegistryCredentials('alice', PASSWORD) };

let open: RegistryProcess;
let basic: RegistryProcess;
let token: RegistryProcess;
beforeAll(async () => {
  [open, basic, token] = await Promise.all([
    startRegistry(),
    startRegistry({ auth: { kind: 'basic', ...account } }),
    startRegistry({ auth: { kind: 'token', ...account } }),
  ]);
});
afterAll(() => Promise.all([open?.stop(), basic?.stop(), token?.stop()]));

function newClient(options: RegistryClientOptions = {}): RegistryClient {
  const client = new RegistryClient({ retries: { baseMs: 1, capMs: 2 }, ...options });
  closing.push(() => client.close());
  return client;
}

function writer(
  registry: { readonly address: string },
  repository: string,
  access: RepositoryAccess = {},
  options?: RegistryClientOptions,
): RepositoryWriter {
  return newClient(options).uploads({ registry: registry.address, repository }, access);
}

const bytesOf = (bytes: Uint8Array) => () => Promise.resolve(Readable.from([bytes], { objectMode: false }));

test.each(['open', 'basic', 'token'] as const)(
  'an image is written to a registry (%s) by digest, layer by layer, and is the same when it is read',
  async (kind) => {
    const registry = { open, basic, token }[kind];
    const access = kind === 'open' ? {} : bob;
    const built = buildImage({ layers: [buildLayer([{ name: 'a', content: `written to ${kind}` }])] });
    const uploads = writer(registry, 'copies/app', access);
    const manifest = { ...built.manifest };
    expect(await uploads.hasManifest(manifest)).toBe(false);
    for (const blob of built.blobs) {
      const content = { digest: blob.digest, size: blob.bytes.length };
      expect(await uploads.hasBlob(content)).toBe(false);
      await uploads.uploadBlob(content, bytesOf(blob.bytes));
      expect(await uploads.hasBlob(content)).toBe(true);
      expect(await uploads.hasBlob({ ...content, size: content.size + 1 })).toBe(false);
    }
    await uploads.putManifest(manifest);
    expect(await uploads.hasManifest(manifest)).toBe(true);
    const reference = parseReference(`${registry.address}/copies/app@${manifest.digest}`);
    const repository = newClient().repository(reference, access);
    const read = await inspectImage(repository, reference, { platform: { os: 'linux', architecture: 'amd64' } });
    expect(read.manifestDigest).toBe(manifest.digest);
    for (const { digest, size } of read.layers) await buffer(await repository.openBlob({ digest, size }));
    expect(await uploads.deleteManifest(manifest.digest)).toBe(true);
    expect(await uploads.hasManifest(manifest)).toBe(false);
    expect(await uploads.deleteManifest(manifest.digest)).toBe(false);
  },
);

test.each(['open', 'token'] as const)('a blob of another repository (%s) is mounted, not sent', async (kind) => {
  const registry = { open, token }[kind];
  const access = kind === 'open' ? {} : bob;
  const options = kind === 'open' ? {} : { credentials: account };
  const built = buildImage({ layers: [buildLayer([{ name: 'a', content: 'mounted' }])] });
  await pushImage(registry, 'source/app', 'v1', built, options);
  const [blob] = built.layers;
  if (blob === undefined) throw new Error('the image has a layer');
  const uploads = writer(registry, 'target/app', access);
  expect(await uploads.mountBlob(blob.digest, 'source/app')).toBe(true);
  expect(await uploads.hasBlob(blob)).toBe(true);
  expect(await uploads.mountBlob(digestOf('absent'), 'source/app')).toBe(false);
});

test('a blob passes through in pieces: nothing is held but what is on its way', async () => {
  const size = 256 * 1024 * 1024;
  const piece = randomBytes(1024 * 1024);
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for (let sent = 0; sent < size; sent += piece.length) yield piece;
  };
  const hash = createHash('sha256');
  for await (const part of pieces()) hash.update(part);
  const digest = parseDigest(`sha256:${hash.digest('hex')}`);
  const uploads = writer(open, 'large/app');
  const before = process.memoryUsage().rss;
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 20);
  await uploads.uploadBlob({ digest, size }, () => Promise.resolve(Readable.from(pieces(), { objectMode: false })));
  clearInterval(timer);
  expect(await uploads.hasBlob({ digest, size })).toBe(true);
  expect((peak - before) / 1e6).toBeLessThan(128);
});

test('a source that fails or turns out wrong at its end leaves no blob, and its error is the one that is told', async () => {
  const uploads = writer(open, 'broken/app');
  const content = { digest: layer.digest, size: layer.size };
  const wrong = new Error('the disk is gone');
  const failing = async function* (): AsyncGenerator<Uint8Array> {
    yield layer.bytes.subarray(0, 10);
    throw wrong;
  };
  let opened = 0;
  const open1 = (): Promise<Readable> => {
    opened += 1;
    return Promise.resolve(Readable.from(failing(), { objectMode: false }));
  };
  await expect(uploads.uploadBlob(content, open1)).rejects.toBe(wrong);
  await expect(uploads.uploadBlob(content, () => Promise.reject(wrong))).rejects.toBe(wrong);
  expect(opened).toBe(1);
  const lying = (): Promise<Readable> => {
    const verified = new VerifyingStream(content);
    void pipeline(Readable.from([Buffer.alloc(layer.size, 'x')]), verified).catch(() => undefined);
    return Promise.resolve(verified);
  };
  await expect(uploads.uploadBlob(content, lying)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  expect(await uploads.hasBlob(content)).toBe(false);
});

test('bytes that are not the digest are refused by the registry itself, whatever the source says', async () => {
  const uploads = writer(open, 'wrong/app');
  const content = { digest: digestOf('something else'), size: layer.size };
  const error = await failure(uploads.uploadBlob(content, bytesOf(layer.bytes)));
  expect(error).toMatchObject({ phase: 'copy', status: 400 });
  expect(await uploads.hasBlob(content)).toBe(false);
});

test('an abort ends an upload with its own reason', async () => {
  const uploads = writer(open, 'aborted/app');
  const controller = new AbortController();
  const reason = new Error('the build was cancelled');
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    yield layer.bytes.subarray(0, 10);
    controller.abort(reason);
    await new Promise(() => undefined);
  };
  const source = (): Promise<Readable> => Promise.resolve(Readable.from(endless(), { objectMode: false }));
  await expect(uploads.uploadBlob(layer, source, { signal: controller.signal })).rejects.toBe(reason);
});

/** A registry that takes uploads, but for what `lie` does with them. */
async function lying(lie: Handler, options?: { tls?: boolean }): Promise<HostileServer> {
  return serve((request, response) => {
    request.resume();
    lie(request, response);
  }, options);
}

const upload = (server: HostileServer, options?: RegistryClientOptions) =>
  writer(server, 'team/app', alice, { extraAuthorities: server.authorities, ...options }).uploadBlob(
    layer,
    bytesOf(layer.bytes),
  );

test('where an upload goes on at another host, no credentials go with it, and its 401 is no challenge', async () => {
  const thief = await lying((_request, response) => {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
  });
  const server = await lying((request, response) => {
    if (request.headers.authorization === undefined) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    } else response.writeHead(202, { location: `${thief.origin}/take?state=1` }).end();
  });
  const error = await failure(upload(server));
  expect(error).toMatchObject({ code: 'REGISTRY_UNAUTHORIZED', phase: 'copy' });
  expect(thief.paths[0]).toMatch(/^PUT \/take\?state=1&digest=sha256%3A/);
  expect(thief.loot().toLowerCase()).not.toContain('authorization');
});

test.each<[lie: string, location: string]>([
  ['to plain http', 'http://127.0.0.1:1/take'],
  ['to a URL with user info', 'https://user:pass@127.0.0.1:1/take'],
  ['to a file', 'file:///etc/passwd'],
  ['nowhere', ''],
])('an upload that is sent %s is refused', async (_lie, location) => {
  const server = await lying((_request, response) => response.writeHead(202, { location }).end(), { tls: true });
  expect(await failure(upload(server))).toMatchObject({ code: 'REDIRECT_REFUSED', phase: 'copy' });
  expect(server.paths.length).toBe(1);
});

test('an upload to a link-local address is refused', async () => {
  const server = await lying((_request, response) =>
    response.writeHead(202, { location: 'http://169.254.169.254/latest/meta-data' }).end(),
  );
  expect(await failure(upload(server))).toMatchObject({ code: 'ADDRESS_REFUSED' });
});

test('what is written is not redirected', async () => {
  const thief = await lying((_request, response) => response.writeHead(202, { location: '/x' }).end());
  const server = await lying((_request, response) => response.writeHead(307, { location: thief.origin }).end());
  expect(await failure(upload(server))).toMatchObject({ code: 'REDIRECT_REFUSED' });
  const uploads = writer(server, 'team/app', alice);
  expect(await failure(uploads.putManifest(image.manifest))).toMatchObject({ code: 'REDIRECT_REFUSED' });
  expect(thief.paths).toEqual([]);
});

test('an upload that breaks, or meets a token that ended, begins anew from the source', async () => {
  let uploads = 0;
  const server = await lying((request, response) => {
    if (request.method === 'POST') return void response.writeHead(202, { location: '/v2/up?state=x' }).end();
    uploads += 1;
    if (uploads === 1) response.socket?.destroy();
    else if (uploads === 2) response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    else request.on('end', () => response.writeHead(201).end());
  });
  await upload(server);
  expect(server.paths.map((path) => path.slice(0, 4))).toEqual(['POST', 'PUT ', 'POST', 'PUT ', 'POST', 'PUT ']);
});

test('a registry that stops taking bytes, or never answers, is given up in time', async () => {
  const server = await serve((request, response) => {
    if (request.method === 'POST') response.writeHead(202, { location: '/v2/up' }).end();
    // PUT: neither read nor answered.
  });
  const deadlines = { ...SHORT, commitMs: 300 };
  const error = await failure(upload(server, { deadlines, retries: { attempts: 2, baseMs: 1, capMs: 2 } }));
  expect(error).toMatchObject({ code: 'REGISTRY_TIMEOUT', phase: 'copy' });
});
