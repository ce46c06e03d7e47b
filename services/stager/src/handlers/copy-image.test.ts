import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { StagingRequest, StagingResult } from '@slipway/contracts';
import { DEFAULT_IMAGE_LIMITS, parseReference, RegistryClient, registryClientOptions } from '@slipway/oci';
import { createLogger, generateSealingKeys, Secret, seal } from '@slipway/service-kit';
import {
  type BuiltImage,
  buildImage,
  buildIndex,
  buildLayer,
  pushImage,
  type RegistryProcess,
  startRegistry,
} from '@slipway/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ImageCopier } from '../adapters/image-copier.ts';
import { stageBuild } from './stage-build.ts';

const platform = { os: 'linux', architecture: 'amd64' };
const robot = { username: 'robot', password: 'upstream-secret' };
const own = { username: 'slipway', password: 'droplet-secret' };
const keys = generateSealingKeys();
const shared = buildLayer([{ name: 'shared', content: 'of many images' }]);
const image = (seed: string): BuiltImage =>
  buildImage({ layers: [shared, buildLayer([{ name: 'seed', content: seed }])] });

let upstream: RegistryProcess;
let droplets: RegistryProcess;
beforeAll(async () => {
  [upstream, droplets] = await Promise.all([
    startRegistry({ auth: { kind: 'token', ...robot } }),
    startRegistry({ auth: { kind: 'basic', ...own } }),
  ]);
});
afterAll(() => Promise.all([upstream?.stop(), droplets?.stop()]));

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A stager's registry client and copier, as `createApp` makes them. */
function stager({ registry = droplets.address, prefix = 'slipway', password = own.password } = {}) {
  const config = {
    INSECURE_REGISTRIES: [],
    TRUSTED_TOKEN_HOSTS: [],
    CREDENTIAL_HELPER_USER: { uid: 65_534, gid: 65_534 },
    DROPLET_REGISTRY: { registry, prefix },
    DROPLET_REGISTRY_USERNAME: own.username,
    DROPLET_REGISTRY_PASSWORD: new Secret(password),
  };
  const options = registryClientOptions(config, createLogger('stager', 'silent'));
  const client = new RegistryClient({ ...options, retries: { baseMs: 1, capMs: 2 } });
  closing.push(() => client.close());
  return { client, copier: new ImageCopier(client, config.DROPLET_REGISTRY) };
}

async function stage(
  { client, copier }: ReturnType<typeof stager>,
  reference: string,
  { seconds = 60, credentials = robot as typeof robot | undefined } = {},
): Promise<{ readonly result: StagingResult; readonly log: readonly string[] }> {
  const log: string[] = [];
  const request: StagingRequest = {
    buildGuid: randomUUID(),
    appGuid: randomUUID(),
    packageGuid: randomUUID(),
    image: reference,
    deadline: new Date(Date.now() + seconds * 1000).toISOString(),
    ...(credentials === undefined ? {} : { credentials: seal(JSON.stringify(credentials), keys.publicKey) }),
  };
  const deps = {
    registry: client,
    platform,
    limits: DEFAULT_IMAGE_LIMITS,
    keys,
    copier,
    requestedAt: Date.now(),
    log: (line: string) => void log.push(line),
    now: Date.now,
  };
  const result = await stageBuild(request, deps, new AbortController().signal);
  expect(`${JSON.stringify(result)} ${log.join('\n')}`).not.toMatch(/upstream-secret|droplet-secret/);
  return { result, log };
}

const push = async (name: string, built: BuiltImage | ReturnType<typeof buildIndex>): Promise<string> =>
  (await pushImage(upstream, name, 'v1', built, { credentials: robot })).reference;

const copyOf = (name: string): string => `slipway/127.0.0.1_${upstream.port}/${name}`;

/** What a registry was asked and answered, from `from` on, once it has written `marker` in its log. */
async function askedOf(registry: RegistryProcess, from: number): Promise<readonly string[]> {
  const marker = `/v2/${randomUUID()}/tags/list`;
  await fetch(`http://${registry.address}${marker}`);
  await expect.poll(() => registry.requests.some((line) => line.includes(marker))).toBe(true);
  return registry.requests.slice(from).filter((line) => !line.includes(marker));
}

test('staging copies the image of this platform, byte for byte, and says so; the second time nothing is sent', async () => {
  const [built, parts] = [image('first'), stager()];
  const other = buildImage({ layers: [shared], platform: { os: 'linux', architecture: 's390x' } });
  const reference = await push('team/first', buildIndex([other, built]));
  const { result, log } = await stage(parts, reference);
  const copy = { registry: droplets.address, repository: copyOf('team/first') };
  expect(result).toMatchObject({ outcome: 'staged', image: { copy, manifestDigest: built.manifest.digest } });
  expect(log).toContain(`copying the image to ${copy.registry}/${copy.repository}`);
  expect(log.at(-2)).toMatch(/has the image: of 3 blobs 3 copied \(\d+ bytes\)$/);

  const repository = parts.client.repository(copy);
  const read = await repository.getManifest(built.manifest.digest);
  expect(read.bytes).toEqual(built.manifest.bytes);
  const tag = `slipway-${built.manifest.digest.slice('sha256:'.length)}`;
  expect((await repository.getManifest(tag)).digest).toBe(built.manifest.digest);
  for (const { digest, bytes } of built.blobs) {
    expect(await buffer(await repository.openBlob({ digest, size: bytes.length }))).toEqual(bytes);
  }
  const [before, upstreamBefore] = [droplets.requests.length, upstream.requests.length];
  const again = await stage(stager(), reference);
  expect(again.log.at(-2)).toMatch(/has the image already: of 3 blobs 3 there already \(\d+ bytes\)$/);
  expect((await askedOf(droplets, before)).filter((line) => /^(POST|PUT|PATCH)/.test(line))).toEqual([]);
  const blobs = (await askedOf(upstream, upstreamBefore)).filter((line) => line.includes('/blobs/'));
  // Its config, to know how to run it.
  expect(blobs).toHaveLength(1);
});

test('a layer that another copy of the same registry has is mounted, when the registry says that this one has it too', async () => {
  const parts = stager();
  await stage(parts, await push('team/one', image('one')));
  const reference = await push('team/two', image('two'));
  const before = upstream.requests.length;
  const { result, log } = await stage(parts, reference);
  expect(result.outcome).toBe('staged');
  expect(log.some((line) => line.startsWith(`mounted blob ${shared.digest}`))).toBe(true);
  expect(log.at(-2)).toMatch(/of 3 blobs 2 copied \(\d+ bytes\), 1 mounted/);
  const asked = await askedOf(upstream, before);
  expect(asked.filter((line) => line.includes(shared.digest))).toEqual([
    `HEAD /v2/team/two/blobs/${shared.digest} 200`,
  ]);
});

/** A registry of the images given, by repository; without the blobs in `lacks`. */
async function serveImages(images: Readonly<Record<string, BuiltImage>>, lacks: ReadonlySet<string>): Promise<string> {
  const listener: RequestListener = ({ url = '' }, response) => {
    const [, name = '', kind, digest = ''] = /^\/v2\/(.+)\/(manifests|blobs)\/(.+)$/.exec(url) ?? [];
    const built = images[name];
    const found = kind === 'manifests' ? built?.manifest : built?.blobs.find((blob) => blob.digest === digest);
    if (found === undefined || lacks.has(`${name} ${digest}`)) return void response.writeHead(404).end();
    const type = kind === 'manifests' ? built?.manifest.mediaType : 'application/octet-stream';
    response.writeHead(200, { 'content-type': type ?? '', 'content-length': found.bytes.length }).end(found.bytes);
  };
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('who knows the digest of a layer but may not read it does not get it from the copies', async () => {
  const [parts, secret, thief] = [stager(), image('secret'), image('thief')];
  const host = await serveImages({ secret, thief }, new Set([`thief ${shared.digest}`]));
  expect((await stage(parts, `${host}/secret`, { credentials: undefined })).result.outcome).toBe('staged');
  const { result } = await stage(parts, `${host}/thief`, { credentials: undefined });
  expect(result).toMatchObject({ outcome: 'failed', error: { phase: 'copy', code: 'BLOB_NOT_FOUND' } });
  // Nor by a registry of his own, which says that it has what it has not.
  const lying = await serveImages({ thief }, new Set());
  const before = droplets.requests.length;
  expect((await stage(parts, `${lying}/thief`, { credentials: undefined })).result.outcome).toBe('staged');
  expect((await askedOf(droplets, before)).filter((line) => /^POST .* 201$/.test(line))).toEqual([]);
});

test('builds of one image at once send each blob once', async () => {
  const reference = await push('team/many', image('many'));
  const [parts, before, dropletsBefore] = [stager(), upstream.requests.length, droplets.requests.length];
  const builds = await Promise.all(Array.from({ length: 8 }, () => stage(parts, reference)));
  expect(builds.map(({ result }) => result.outcome)).toEqual(Array.from({ length: 8 }, () => 'staged'));
  const layers = image('many').layers.map(({ digest }) => digest);
  const asked = await askedOf(upstream, before);
  for (const digest of layers) {
    expect(asked.filter((line) => line === `GET /v2/team/many/blobs/${digest} 200`)).toHaveLength(1);
  }
  const written = (await askedOf(droplets, dropletsBefore)).filter((line) => /^PUT .* 201$/.test(line));
  expect(written).toHaveLength(4);
});

test('a droplet registry that cannot be written to fails the build, in the phase of copying, with the reason', async () => {
  const reference = await push('team/unlucky', image('unlucky'));
  const dead = await startRegistry();
  await dead.kill();
  closing.push(() => dead.stop());
  const gone = await stage(stager({ registry: dead.address }), reference);
  expect(gone.result).toMatchObject({ outcome: 'failed', error: { phase: 'copy', code: 'REGISTRY_UNREACHABLE' } });
  expect(gone.log.at(-1)).toMatch(
    new RegExp(`^Staging failed: the image could not be copied to ${dead.address}: copy: .* it refuses connections`),
  );
  const refused = await stage(stager({ password: 'no-such-secret' }), reference);
  expect(refused.result).toMatchObject({ outcome: 'failed', error: { phase: 'copy', code: 'REGISTRY_UNAUTHORIZED' } });
  expect(JSON.stringify(refused)).not.toContain('no-such-secret');
});

test('copying ends before the build does, so that its failure can be told', async () => {
  const reference = await push('team/slow', image('slow'));
  const server = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const registry = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { result } = await stage(stager({ registry }), reference, { seconds: 9 });
  expect(result).toMatchObject({ outcome: 'failed', error: { phase: 'copy', code: 'STAGING_COPY_DEADLINE' } });
});

test("the platform's own copies are for the platform: no build may name them, and without its credentials nobody reads them", async () => {
  const parts = stager();
  const { result } = await stage(parts, await push('team/own', image('own')));
  if (result.outcome !== 'staged') throw new Error('it is staged');
  const { repository } = parseReference(`${droplets.address}/${copyOf('team/own')}`);
  const name = `${droplets.address}/${repository}@${result.image.manifestDigest}`;
  for (const credentials of [undefined, robot]) {
    const refused = await stage(parts, name, { credentials });
    expect(refused.result).toMatchObject({ error: { phase: 'policy', code: 'DROPLET_REGISTRY_REFUSED' } });
  }
  const alias = await stage(parts, name.replace('127.0.0.1', 'localhost'), { credentials: undefined });
  expect(alias.result).toMatchObject({ error: { phase: 'authentication', code: 'REGISTRY_UNAUTHORIZED' } });
});
