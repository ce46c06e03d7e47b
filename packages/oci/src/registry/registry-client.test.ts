import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import {
  type BuiltImage,
  buildImage,
  buildIndex,
  buildLayer,
  buildSchema1,
  type ImageFormat,
  pushBlob,
  pushImage,
  pushManifest,
  type RegistryOptions,
  type RegistryProcess,
  startRegistry,
} from '@slipway/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { mediaTypes } from '../media-types.ts';
import type { Platform } from '../platform.ts';
import { parseReference, type Reference } from '../reference.ts';
import { RegistryCredentials } from './credentials.ts';
import { RegistryClient, type RegistryClientOptions, type RepositoryAccess } from './registry-client.ts';
import type { RegistryError } from './registry-error.ts';
import { inspectImage, resolveImage } from './resolve.ts';

const AMD64: Platform = { os: 'linux', architecture: 'amd64' };
const ARM64: Platform = { os: 'linux', architecture: 'arm64' };
const QUICK_RETRIES = { baseMs: 1, capMs: 2 };

const closing: (() => Promise<void>)[] = [];

async function launch(options?: RegistryOptions): Promise<RegistryProcess> {
  const registry = await startRegistry(options);
  closing.push(() => registry.stop());
  return registry;
}

function client(options: RegistryClientOptions = {}): RegistryClient {
  const created = new RegistryClient({ retries: QUICK_RETRIES, ...options });
  closing.push(() => created.close());
  return created;
}

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) {
    await close();
  }
});

/** A small image whose bytes depend on `seed`. */
function image(seed: string, format: ImageFormat = 'oci', platform: Platform = AMD64): BuiltImage {
  return buildImage({
    format,
    platform,
    layers: [
      buildLayer([{ name: 'seed', content: seed }], 'gzip'),
      buildLayer([{ name: 'plain', content: seed.repeat(1000) }], 'none'),
      ...(format === 'oci' ? [buildLayer([{ name: 'zstd', content: seed }], 'zstd')] : []),
    ],
    config: { Entrypoint: ['/app'], Cmd: [seed], ExposedPorts: { '8080/tcp': {} }, User: '1000' },
  });
}

function referenceTo(registry: RegistryProcess, rest: string): Reference {
  return parseReference(`${registry.address}/${rest}`);
}

async function inspect(reference: Reference, options: RegistryClientOptions & RepositoryAccess = {}) {
  const repository = client(options).repository(reference, options);
  return inspectImage(repository, reference, { platform: AMD64, onStep: options.onStep });
}

let shared: RegistryProcess;
beforeAll(async () => {
  shared = await startRegistry({ schema1: true });
});
afterAll(() => shared.stop());

test.each<[name: string, format: ImageFormat, indexed: boolean]>([
  ['an OCI manifest', 'oci', false],
  ['an OCI index', 'oci', true],
  ['a Docker schema 2 manifest', 'docker', false],
  ['a Docker manifest list', 'docker', true],
])('%s is resolved to digests, and its config and layers are read', async (_name, format, indexed) => {
  const wanted = image(`kind-${format}`, format);
  const index = buildIndex([image('other', format, ARM64), wanted], { format, attestations: format === 'oci' });
  const name = `kinds/${format}-${indexed}`;
  const pushed = await pushImage(shared, name, 'v1', indexed ? index : wanted);
  const reference = parseReference(pushed.reference);
  const inspected = await inspect(reference);

  expect(inspected).toMatchObject({
    manifestDigest: wanted.manifest.digest,
    platform: AMD64,
    config: { entrypoint: ['/app'], cmd: [`kind-${format}`], user: '1000', exposedPorts: [{ port: 8080 }] },
    manifest: { mediaType: format === 'oci' ? mediaTypes.ociManifest : mediaTypes.dockerManifest },
  });
  expect(inspected.indexDigest).toBe(indexed ? index.manifest.digest : undefined);
  expect(inspected.layers.map(({ digest, diffId, size }) => ({ digest, diffId, size }))).toEqual(
    wanted.layers.map(({ digest, diffId, size }) => ({ digest, diffId, size })),
  );
  const repository = client().repository(reference);
  for (const [i, layer] of inspected.layers.entries()) {
    expect(await buffer(await repository.openBlob(layer))).toEqual(wanted.layers[i]?.bytes);
    expect(await repository.headBlob(layer.digest)).toEqual({ size: layer.size });
  }
});

test('a moved tag does not matter to one who has the digest', async () => {
  const [first, second] = [image('first'), image('second')];
  await pushImage(shared, 'moving', 'v1', first);
  await pushImage(shared, 'moving', 'v1', second);
  const byTag = await inspect(referenceTo(shared, 'moving:v1'));
  const byDigest = await inspect(referenceTo(shared, `moving@${first.manifest.digest}`));
  const byBoth = await inspect(referenceTo(shared, `moving:v1@${first.manifest.digest}`));
  expect(byTag.manifestDigest).toBe(second.manifest.digest);
  expect(byDigest.manifestDigest).toBe(first.manifest.digest);
  expect(byBoth.manifestDigest).toBe(first.manifest.digest);
});

test('an image of one platform only is chosen by its config, and refused on another machine with what there is', async () => {
  await pushImage(shared, 'platforms/single', 'v1', image('arm', 'oci', ARM64));
  await pushImage(shared, 'platforms/index', 'v1', buildIndex([image('arm', 'oci', ARM64)], { attestations: true }));
  for (const name of ['single', 'index']) {
    await expect(inspect(referenceTo(shared, `platforms/${name}:v1`))).rejects.toMatchObject({
      code: 'PLATFORM_UNAVAILABLE',
      phase: 'platform',
      message: expect.stringContaining('no variant for linux/amd64; it has only linux/arm64'),
    });
  }
});

test('schema 1 is refused by name', async () => {
  const { layers, blobs } = image('old', 'docker');
  for (const blob of blobs) {
    await pushBlob(shared, 'old', blob);
  }
  await pushManifest(shared, 'old', 'v1', buildSchema1('old', 'v1', layers.slice(0, 1)));
  await expect(inspect(referenceTo(shared, 'old:v1'))).rejects.toMatchObject({
    code: 'SCHEMA1_UNSUPPORTED',
    kind: 'invalid',
    message: expect.stringMatching(/resolve: asked 127\.0\.0\.1:\d+ for manifest old:v1: .*schema 1 \(signed\)/),
  });
});

test('what does not exist is said to be missing, in the words of the registry', async () => {
  await pushImage(shared, 'present', 'v1', image('present'));
  await expect(inspect(referenceTo(shared, 'present:v2'))).rejects.toMatchObject({
    code: 'MANIFEST_NOT_FOUND',
    kind: 'not-found',
    status: 404,
    message: expect.stringMatching(/asked \S+ for manifest present:v2: it answered 404 \(MANIFEST_UNKNOWN: /),
  });
  const repository = client().repository(referenceTo(shared, 'present'));
  const absent = digestOf('absent');
  expect(await repository.headBlob(absent)).toBeUndefined();
  await expect(repository.openBlob({ digest: absent, size: 1 })).rejects.toMatchObject({ code: 'BLOB_NOT_FOUND' });
});

test('a descriptor that lies about the size of a blob is found out before a byte is read', async () => {
  const blob = { digest: digestOf('five!'), bytes: Buffer.from('five!') };
  await pushBlob(shared, 'sizes', blob);
  const repository = client().repository(referenceTo(shared, 'sizes'));
  await expect(repository.openBlob({ digest: blob.digest, size: 6 })).rejects.toMatchObject({
    code: 'SIZE_MISMATCH',
    message: expect.stringContaining('has 5 bytes of it; the manifest says 6'),
  });
});

test('a large blob streams through in pieces and is verified', async () => {
  const bytes = Buffer.alloc(20_000_000, 'slipway');
  const digest = digestOf(bytes);
  await pushBlob(shared, 'large', { digest, bytes });
  const repository = client().repository(referenceTo(shared, 'large'));
  const hash = createHash('sha256');
  let largest = 0;
  for await (const chunk of await repository.openBlob({ digest, size: bytes.length })) {
    hash.update(chunk as Buffer);
    largest = Math.max(largest, (chunk as Buffer).length);
  }
  expect(`sha256:${hash.digest('hex')}`).toBe(digest);
  expect(largest).toBeLessThan(1_000_000);
});

test('with basic authentication the right password opens, and a wrong or missing one is told apart', async () => {
  const credentials = { username: 'alice', password: 'wonder=land' };
  const registry = await launch({ auth: { kind: 'basic', ...credentials } });
  await pushImage(registry, 'private/app', 'v1', image('basic'), { credentials });
  const reference = referenceTo(registry, 'private/app:v1');

  const inspected = await inspect(reference, { credentials: new RegistryCredentials('alice', 'wonder=land') });
  expect(inspected.manifestDigest).toBe(image('basic').manifest.digest);

  const wrong = inspect(reference, { credentials: new RegistryCredentials('alice', 'looking-glass') });
  await expect(wrong).rejects.toMatchObject({
    code: 'REGISTRY_UNAUTHORIZED',
    phase: 'authentication',
    status: 401,
    message: expect.stringContaining('the user "alice" may not pull it, or the password is wrong'),
  });
  await expect(inspect(reference)).rejects.toMatchObject({
    code: 'REGISTRY_UNAUTHORIZED',
    message: expect.stringContaining('needs a user name and password and none were given'),
  });
});

test('after the first challenge the password is sent at once', async () => {
  const credentials = { username: 'alice', password: 'wonderland' };
  const registry = await launch({ auth: { kind: 'basic', ...credentials } });
  await pushImage(registry, 'app', 'v1', image('basic'), { credentials });
  const before = (await registry.asked()).length;
  await inspect(referenceTo(registry, 'app:v1'), { credentials: new RegistryCredentials('alice', 'wonderland') });
  await expect.poll(() => registry.requests.slice(before).map((line) => line.slice(-3))).toEqual(['401', '200', '200']);
});

test('with token authentication one token of the right scope serves all requests', async () => {
  const credentials = { username: 'bob', password: 'builder' };
  const registry = await launch({ auth: { kind: 'token', ...credentials } });
  await pushImage(registry, 'team/app', 'v1', image('token'), { credentials });
  const before = registry.tokenRequests.length;
  const reference = referenceTo(registry, 'team/app:v1');
  const repository = client().repository(reference, { credentials: new RegistryCredentials('bob', 'builder') });
  const { layers } = await inspectImage(repository, reference, { platform: AMD64 });
  await Promise.all(layers.map(async (layer) => buffer(await repository.openBlob(layer))));

  const basic = Buffer.from('bob:builder').toString('base64');
  expect(registry.tokenRequests.slice(before)).toEqual([
    { service: 'test-registry', scope: 'repository:team/app:pull', authorization: `Basic ${basic}` },
  ]);
});

test('callers who come together share one token request, and other credentials never share the token', async () => {
  const credentials = { username: 'bob', password: 'builder' };
  const registry = await launch({ auth: { kind: 'token', ...credentials } });
  await pushImage(registry, 'app', 'v1', image('token'), { credentials });
  const before = registry.tokenRequests.length;
  const reference = referenceTo(registry, 'app:v1');
  const together = client();
  const bob = together.repository(reference, { credentials: new RegistryCredentials('bob', 'builder') });
  await Promise.all(Array.from({ length: 10 }, () => resolveImage(bob, reference, { platform: AMD64 })));
  expect(registry.tokenRequests.length - before).toBe(1);

  const nobody = resolveImage(together.repository(reference), reference, { platform: AMD64 });
  await expect(nobody).rejects.toMatchObject({ code: 'REGISTRY_UNAUTHORIZED' });
  const mallory = together.repository(reference, { credentials: new RegistryCredentials('mallory', 'builder') });
  await expect(resolveImage(mallory, reference, { platform: AMD64 })).rejects.toMatchObject({
    code: 'REGISTRY_UNAUTHORIZED',
    message: expect.stringContaining('wrong user name or password'),
  });
});

test('a token is asked for again when it has expired', async () => {
  const credentials = { username: 'bob', password: 'builder' };
  const registry = await launch({ auth: { kind: 'token', ...credentials, expiresIn: 100 } });
  await pushImage(registry, 'app', 'v1', image('token'), { credentials });
  const before = registry.tokenRequests.length;
  let now = 0;
  const reference = referenceTo(registry, 'app:v1');
  const repository = client({ now: () => now }).repository(reference, {
    credentials: new RegistryCredentials('bob', 'builder'),
  });
  for (now of [0, 89_000, 91_000, 95_000]) {
    await resolveImage(repository, reference, { platform: AMD64 });
  }
  expect(registry.tokenRequests.length - before).toBe(2);
});

test('public repositories of a token registry are pulled anonymously', async () => {
  const credentials = { username: 'bob', password: 'builder' };
  const registry = await launch({ auth: { kind: 'token', ...credentials, anonymousPull: true } });
  await pushImage(registry, 'public/app', 'v1', image('token'), { credentials });
  const before = registry.tokenRequests.length;
  await inspect(referenceTo(registry, 'public/app:v1'));
  expect(registry.tokenRequests.slice(before)).toEqual([
    { service: 'test-registry', scope: 'repository:public/app:pull', authorization: undefined },
  ]);
});

test('a registry that is gone is asked again a few times and then said to refuse connections', async () => {
  const registry = await launch();
  await registry.kill();
  const steps: string[] = [];
  const failure = await inspect(referenceTo(registry, 'app:v1'), { onStep: (text) => steps.push(text) }).catch(
    (error: RegistryError) => error,
  );
  expect(failure).toMatchObject({ code: 'REGISTRY_UNREACHABLE', kind: 'unavailable', transient: true });
  expect(steps.filter((step) => step.includes('refuses connections; asking again')).length).toBe(3);
});

test('a loopback registry with TLS is spoken to with TLS, and its certificate is checked', async () => {
  const registry = await launch({ tls: true });
  await expect(inspect(referenceTo(registry, 'app:v1'))).rejects.toMatchObject({ code: 'REGISTRY_TLS_FAILED' });
  expect(registry.requests).toEqual([]);

  const trusting = inspect(referenceTo(registry, 'app:v1'), { extraAuthorities: [registry.certificate ?? ''] });
  await expect(trusting).rejects.toMatchObject({ code: 'MANIFEST_NOT_FOUND', status: 404 });
});

test('the steps say what was asked of whom and what the answer was, and hold no secret', async () => {
  const credentials = { username: 'bob', password: 'builder-secret' };
  const registry = await launch({ auth: { kind: 'token', ...credentials } });
  const wanted = image('steps');
  const index = buildIndex([wanted]);
  await pushImage(registry, 'app', 'v1', index, { credentials });
  const steps: string[] = [];
  await inspect(referenceTo(registry, 'app:v1'), {
    credentials: new RegistryCredentials('bob', 'builder-secret'),
    onStep: (text) => steps.push(text),
  });
  const { address } = registry;
  expect(steps.map((step) => step.replace(/127\.0\.0\.1:\d+/g, (host) => (host === address ? 'R' : 'T')))).toEqual([
    'asking R for manifest app:v1',
    'asking T for a token to pull app, as "bob"',
    'T answered 200',
    `R answered 200: ${mediaTypes.ociIndex}, ${index.manifest.size} bytes, ${index.manifest.digest}`,
    `chose linux/amd64 from the index: ${wanted.manifest.digest}`,
    `asking R for manifest app@${wanted.manifest.digest}`,
    `R answered 200: ${mediaTypes.ociManifest}, ${wanted.manifest.size} bytes, ${wanted.manifest.digest}`,
    `asking R for config ${wanted.config.digest} of app`,
    `R answered 200: image config, ${wanted.config.size} bytes`,
  ]);
});
