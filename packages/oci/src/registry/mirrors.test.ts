import { buffer } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { buildImage, buildLayer, pushImage, type RegistryProcess, startRegistry } from '@slipway/testing';
import { expect, onTestFinished, test } from 'vitest';
import { parseReference } from '../reference.ts';
import { parseRegistrySettings } from '../settings/parse-settings.ts';
import { RegistryCredentials } from './credentials.ts';
import { image, layer, PASSWORD, platform, retries, serve } from './hostile-pull.test-support.ts';
import { always, type Handler, honest } from './hostile-registry.test-support.ts';
import { RegistryClient, type RegistryClientOptions } from './registry-client.ts';
import type { RegistryError } from './registry-error.ts';
import type { RepositoryClient } from './repository-client.ts';
import { type InspectedImage, inspectImage } from './resolve.ts';

const MIRROR_USER = { username: 'mirror-reader', password: 'mirror-secret' };
const moved = buildImage({ layers: [buildLayer([{ name: 'b', content: 'b' }], 'none')] });

interface Mirrored {
  readonly steps: string[];
  readonly repository: RepositoryClient;
  readonly inspect: () => Promise<InspectedImage>;
}

/** A repository `team/app` of a registry with these mirrors, each written as in the settings. */
async function mirrored(
  upstream: { readonly address: string },
  mirrors: readonly (string | object)[],
  options: RegistryClientOptions & { readonly others?: object; readonly credentials?: RegistryCredentials } = {},
): Promise<Mirrored> {
  const registries = { [upstream.address]: { mirrors }, ...options.others };
  const settings = await parseRegistrySettings(JSON.stringify({ registries }), 'registries.yaml', () => {
    throw new Error('names no files');
  });
  const steps: string[] = [];
  const client = new RegistryClient({ retries, settings, ...options });
  onTestFinished(() => client.close());
  const reference = parseReference(`${upstream.address}/team/app:v1`);
  const { credentials } = options;
  const repository = client.repository(reference, { credentials, onStep: (text) => steps.push(text) });
  return { steps, repository, inspect: () => inspectImage(repository, reference, { platform }) };
}

async function failure(promise: Promise<unknown>): Promise<RegistryError> {
  const error = (await promise.catch((reason: unknown) => reason)) as RegistryError;
  expect(error).toBeInstanceOf(Error);
  expect(`${inspect(error, { depth: 9 })}`).not.toMatch(new RegExp(`${PASSWORD}|mirror-secret`));
  return error;
}

async function launch(options: Parameters<typeof startRegistry>[0] = {}): Promise<RegistryProcess> {
  const registry = await startRegistry(options);
  onTestFinished(() => registry.stop());
  return registry;
}

test('a mirror serves everything, under its prefix and with its own credentials, and the registry hears nothing', async () => {
  const upstream = await serve(always(500, {}));
  const mirror = await launch({ auth: { kind: 'basic', ...MIRROR_USER } });
  await pushImage(mirror, 'cache/hub/team/app', 'v1', image, { credentials: MIRROR_USER });
  const {
    inspect: inspectIt,
    repository,
    steps,
  } = await mirrored(upstream, [`${mirror.address}/cache/hub`], {
    others: { [mirror.address]: MIRROR_USER },
    credentials: new RegistryCredentials('alice', PASSWORD),
  });
  expect((await inspectIt()).manifestDigest).toBe(image.manifest.digest);
  expect(await buffer(await repository.openBlob(layer))).toEqual(image.layers[0]?.bytes);
  expect(await repository.headBlob(layer.digest)).toEqual({ size: layer.size });
  expect(upstream.paths).toEqual([]);
  expect(steps[0]).toBe(`asking ${mirror.address} for manifest cache/hub/team/app:v1`);
});

test.each<[name: string, handler: Handler, words: string]>([
  ['has no such image', always(404, {}), 'it answered 404: there is no such thing'],
  ['fails', always(500, {}), 'it answered 500'],
  ['is overloaded', always(503, { 'retry-after': '3600' }), 'it answered 503; it asks to wait 3600 s'],
  ['wants fewer requests', always(429, {}), 'it answered 429: too many requests'],
  ['wants credentials', always(401, { 'www-authenticate': 'Basic realm="x"' }), 'none were given'],
  ['denies the access', always(403, {}), 'it answered 403: access is denied'],
  ['hangs up', (request) => request.socket.destroy(), 'it closed the connection'],
  ['answers nonsense', always(200, { 'content-type': 'text/html' }, '<html>'), 'the manifest is not JSON'],
  ['says nothing', () => undefined, 'it did not answer in time'],
])('when a mirror %s the next is asked, and the log says so', async (_name, handler, words) => {
  const [bad, good, upstream] = [await serve(handler), await serve(honest(image)), await serve(always(500, {}))];
  const { inspect: inspectIt, steps } = await mirrored(upstream, [bad.address, good.address], {
    deadlines: { headersMs: 3_000 },
  });
  expect((await inspectIt()).manifestDigest).toBe(image.manifest.digest);
  const told = steps.find((step) =>
    step.startsWith(`the mirror ${bad.address} of ${upstream.address} does not help: `),
  );
  expect(told).toContain(words);
  expect(upstream.paths).toEqual([]);
});

test('a mirror that sends other bytes is not believed, and the registry itself is asked', async () => {
  const lying = await serve((request, response) =>
    /\/blobs\//.test(request.url ?? '')
      ? always(200, { 'content-length': String(image.config.size) }, 'x'.repeat(image.config.size))(request, response)
      : honest(image)(request, response),
  );
  const upstream = await serve(honest(image));
  const { inspect: inspectIt, steps } = await mirrored(upstream, [lying.address]);
  const inspected = await inspectIt();
  expect(inspected.manifestDigest).toBe(image.manifest.digest);
  expect(steps.some((step) => step.includes(`the mirror ${lying.address}`) && step.includes('digest mismatch'))).toBe(
    true,
  );
});

test('without any mirror that helps the registry is asked, and if it fails too the error names all', async () => {
  const mirror = await serve(always(404, {}));
  const gone = await launch();
  await gone.kill();
  const upstream = await launch();
  await pushImage(upstream, 'team/app', 'v1', image);
  const mirrors = [gone.address, mirror.address];
  expect((await (await mirrored(upstream, mirrors)).inspect()).manifestDigest).toBe(image.manifest.digest);

  await upstream.kill();
  const error = await failure((await mirrored(upstream, mirrors)).inspect());
  expect(error).toMatchObject({ code: 'REGISTRY_UNREACHABLE', registry: upstream.address, phase: 'resolve' });
  expect(error.message).toBe(
    `resolve: asked ${upstream.address} for manifest team/app:v1: it refuses connections (its mirrors did not help: ` +
      `${gone.address}: it refuses connections; ${mirror.address}: it answered 404: there is no such thing)`,
  );
});

test('the credentials of a package go to its registry, and those of a mirror to the mirror', async () => {
  const wantsBasic: Handler = (request, response) =>
    request.headers.authorization === undefined
      ? always(401, { 'www-authenticate': 'Basic realm="x"' })(request, response)
      : always(404, {})(request, response);
  const [first, second, upstream] = [await serve(wantsBasic), await serve(wantsBasic), await serve(wantsBasic)];
  const { inspect: inspectIt } = await mirrored(upstream, [first.address, second.address], {
    others: { [second.address]: MIRROR_USER },
    credentials: new RegistryCredentials('alice', PASSWORD),
  });
  await failure(inspectIt());
  const own = Buffer.from(`alice:${PASSWORD}`).toString('base64');
  const mirrors = Buffer.from('mirror-reader:mirror-secret').toString('base64');
  expect(first.loot()).not.toMatch(new RegExp(`${own}|${mirrors}|authorization`, 'i'));
  expect(second.loot()).toContain(mirrors);
  expect(second.loot()).not.toContain(own);
  expect(upstream.loot()).toContain(own);
  expect(upstream.loot()).not.toContain(mirrors);
});

test('credentials of the settings for a registry do not go to its mirrors either', async () => {
  const wantsBasic = always(401, { 'www-authenticate': 'Basic realm="x"' });
  const [mirror, upstream] = [await serve(wantsBasic), await serve(wantsBasic)];
  const registries = { [upstream.address]: { mirrors: [mirror.address], username: 'platform', password: PASSWORD } };
  const { inspect: inspectIt } = await mirrored(upstream, [], { others: registries });
  await failure(inspectIt());
  expect(mirror.paths).toHaveLength(1);
  expect(mirror.loot()).not.toMatch(/authorization/i);
  expect(upstream.loot()).toContain(Buffer.from(`platform:${PASSWORD}`).toString('base64'));
});

test('a mirror that may not say what tags mean is asked for digests only', async () => {
  const behind = await launch();
  const upstream = await launch();
  await pushImage(behind, 'team/app', 'v1', moved);
  await pushImage(behind, 'team/app', 'same', image);
  await pushImage(upstream, 'team/app', 'v1', image);
  const pull = async (tags: boolean) =>
    (await (await mirrored(upstream, [{ location: behind.address, tags }])).inspect()).manifestDigest;
  expect(await pull(true)).toBe(moved.manifest.digest);
  const [before, asked] = [(await behind.asked()).length, (await upstream.asked()).length];
  expect(await pull(false)).toBe(image.manifest.digest);
  await expect.poll(() => behind.requests.slice(before)).toEqual([`GET /v2/team/app/blobs/${image.config.digest} 200`]);
  await expect.poll(() => upstream.requests.slice(asked)).toEqual(['GET /v2/team/app/manifests/v1 200']);
});

test('a mirror that failed is left alone for a minute, one that only lacks an image is not', async () => {
  let now = 0;
  const [failing, lacking, upstream] = [
    await serve(always(500, {})),
    await serve(always(404, {})),
    await serve(honest(image)),
  ];
  const { inspect: inspectIt, steps } = await mirrored(upstream, [failing.address, lacking.address], {
    now: () => now,
  });
  await inspectIt();
  // Manifest and config.
  expect([failing.paths.length, lacking.paths.length]).toEqual([1, 2]);
  now = 59_000;
  await inspectIt();
  expect([failing.paths.length, lacking.paths.length]).toEqual([1, 4]);
  expect(steps.some((step) => step.includes('does not help: not asked, for it failed 59 s ago: it answered 500'))).toBe(
    true,
  );
  now = 60_000;
  await inspectIt();
  expect(failing.paths.length).toBe(2);
});

test('an image that is bad by itself keeps nobody from its mirror', async () => {
  const manifest = '{"schemaVersion":2}';
  const bad = always(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }, manifest);
  let pushed = true;
  const mirror = await serve((request, response) => (pushed ? bad : honest(image))(request, response));
  const upstream = await serve((request, response) => (pushed ? bad : always(500, {}))(request, response));
  const { inspect: inspectIt } = await mirrored(upstream, [mirror.address]);
  expect((await failure(inspectIt())).code).toBe('DOCUMENT_MALFORMED');
  pushed = false;
  expect((await inspectIt()).manifestDigest).toBe(image.manifest.digest);
});

test('after a blob that breaks or lies in the middle, the next try gets it elsewhere', async () => {
  const lying = await serve((request, response) =>
    request.url?.includes('/blobs/')
      ? always(200, { 'content-length': String(layer.size) }, 'x'.repeat(layer.size))(request, response)
      : honest(image)(request, response),
  );
  const upstream = await serve(honest(image));
  const { repository } = await mirrored(upstream, [lying.address]);
  const error = await failure(repository.openBlob(layer).then((blob) => buffer(blob)));
  expect(error.code).toBe('DIGEST_MISMATCH');
  expect(await buffer(await repository.openBlob(layer))).toEqual(image.layers[0]?.bytes);
});

test('who gives up while a mirror is asked is not sent on to the next', async () => {
  const abort = new AbortController();
  const mirror = await serve(() => abort.abort(new Error('given up')));
  const upstream = await serve(honest(image));
  const { repository } = await mirrored(upstream, [mirror.address]);
  await expect(repository.getManifest('v1', { signal: abort.signal })).rejects.toThrow('given up');
  expect(upstream.paths).toEqual([]);
});

test('a repository that is asked for directly has no mirrors', async () => {
  const [mirror, upstream] = [await serve(honest(moved)), await serve(honest(image))];
  const settings = await parseRegistrySettings(
    JSON.stringify({ registries: { [upstream.address]: { mirrors: [mirror.address] } } }),
    'registries.yaml',
    () => Promise.reject(new Error('names no files')),
  );
  const client = new RegistryClient({ retries, settings });
  onTestFinished(() => client.close());
  const reference = parseReference(`${upstream.address}/team/app:v1`);
  const { digest } = await client.repository(reference, { direct: true }).getManifest('v1');
  expect(digest).toBe(image.manifest.digest);
  expect(mirror.paths).toEqual([]);
});
