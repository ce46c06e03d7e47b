import { randomBytes, randomUUID } from 'node:crypto';
import type { StagingRequest, StagingResult } from '@slipway/contracts';
import { generateSealingKeys, loadConfig, seal } from '@slipway/service-kit';
import {
  type BuiltImage,
  type BuiltIndex,
  buildImage,
  buildIndex,
  buildLayer,
  buildSchema1,
  type NatsHandle,
  pushBlob,
  pushImage,
  pushManifest,
  type RegistryHandle,
  startAnyRegistry,
  startNats,
  startRegistry,
} from '@slipway/testing';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { configSchema } from './config.ts';
import { type Driver, startDriver, startStagerOn } from './stager.test-support.ts';

const keys = generateSealingKeys();
let nats: NatsHandle;
let registry: RegistryHandle;
let driver: Driver;

beforeAll(async () => {
  [nats, registry] = await Promise.all([startNats(), startAnyRegistry()]);
  driver = await startDriver(nats);
});
afterAll(async () => {
  await driver?.close();
  await Promise.all([nats?.stop(), registry?.stop()]);
});

async function startStager(more: Readonly<Record<string, string>> = {}): Promise<void> {
  const app = await startStagerOn(nats, { keys, more });
  onTestFinished(() => app.stop());
}

const request = (image: string, credentials?: { username: string; password: string }): StagingRequest => ({
  buildGuid: randomUUID(),
  appGuid: randomUUID(),
  packageGuid: randomUUID(),
  image,
  deadline: new Date(Date.now() + 60_000).toISOString(),
  ...(credentials === undefined ? {} : { credentials: seal(JSON.stringify(credentials), keys.publicKey) }),
});

async function stage(data: StagingRequest): Promise<StagingResult> {
  await driver.request(data);
  return driver.result(data.buildGuid);
}

const layers = [
  buildLayer([{ name: 'etc/' }, { name: 'etc/hello', content: 'hello' }]),
  buildLayer([{ name: 'etc/world', content: 'world' }], 'zstd'),
];
const image = (format: 'oci' | 'docker'): BuiltImage =>
  buildImage({
    layers,
    format,
    config: {
      Env: ['GREETING=a "quoted" $value', 'EMPTY='],
      Entrypoint: ['/bin/server'],
      Cmd: ['-v'],
      WorkingDir: '/srv',
      User: '1000:1000',
      ExposedPorts: { '9090/tcp': {}, '8080/tcp': {}, '53/udp': {} },
      StopSignal: 'SIGINT',
    },
  });
const arm = buildImage({ layers, platform: { os: 'linux', architecture: 's390x' } });

const push = async (name: string, built: BuiltImage | BuiltIndex): Promise<string> =>
  (await pushImage(registry, name, 'v1', built)).reference;

describe('a staging request', () => {
  test.each([
    ['OCI manifest', () => image('oci'), undefined],
    ['Docker schema 2', () => image('docker'), undefined],
    ['OCI index', () => buildIndex([arm, image('oci')], { attestations: true }), 'index'],
    ['Docker manifest list', () => buildIndex([arm, image('docker')], { format: 'docker' }), 'index'],
  ] as const)('for an image with an %s is answered with digests and the config', async (kind, build, index) => {
    await startStager();
    const built = build();
    const mine = built.kind === 'index' ? built.images[1] : built;
    const data = request(await push(`kinds/${kind.toLowerCase().replaceAll(' ', '-')}`, built));
    const result = await stage(data);
    expect(result).toMatchObject({
      outcome: 'staged',
      image: {
        reference: data.image,
        manifestDigest: mine?.manifest.digest,
        platform: { os: 'linux', architecture: 'amd64' },
        config: { digest: mine?.config.digest, size: mine?.config.size },
        layers: layers.map(({ digest, diffId, size }) => ({ digest, diffId, size })),
      },
      execution: {
        entrypoint: ['/bin/server'],
        cmd: ['-v'],
        env: ['GREETING=a "quoted" $value', 'EMPTY='],
        workdir: '/srv',
        user: '1000:1000',
        ports: [
          { port: 8080, protocol: 'tcp' },
          { port: 9090, protocol: 'tcp' },
          { port: 53, protocol: 'udp' },
        ],
        stopSignal: 'SIGINT',
      },
    });
    const indexDigest = result.outcome === 'staged' ? result.image.indexDigest : 'none';
    expect(indexDigest).toBe(index === undefined ? undefined : built.manifest.digest);
    await expect.poll(() => driver.lines(data.appGuid).at(-1)).toMatch(/^STG OUT Staging complete: sha256:/);
  });

  test('for an image with the largest config that is read is answered: the result fits into a message', async () => {
    await startStager();
    const config = { Env: [`A=${'x'.repeat(1_000_000)}`], ExposedPorts: { '8080/tcp': {}, '1-39999/udp': {} } };
    const result = await stage(request(await push('largest', buildImage({ layers, config }))));
    expect(result.outcome === 'staged' && result.execution.ports.length).toBe(40_000);
  });

  test('that no registry can satisfy fails with the phase, who was asked, and what it answered', async () => {
    await startStager();
    const data = request(`127.0.0.1:${registry.port}/no/such:image`);
    const result = await stage(data);
    expect(result).toMatchObject({ outcome: 'failed', error: { phase: 'resolve', code: 'MANIFEST_NOT_FOUND' } });
    const message = result.outcome === 'failed' ? result.error.message : '';
    expect(message).toContain(`127.0.0.1:${registry.port}`);
    expect(message).toContain('no/such:image');
    await expect.poll(() => driver.lines(data.appGuid).at(-1)).toBe(`STG ERR Staging failed: ${message}`);
  });

  test('with a malformed reference fails and points at the character', async () => {
    await startStager();
    const result = await stage(request('localhost:5000/UPPER:tag'));
    expect(result).toMatchObject({ outcome: 'failed', error: { phase: 'reference', code: 'REFERENCE_INVALID' } });
    expect(result.outcome === 'failed' && result.error.message).toMatch(/character 16/);
  });

  test('for an image without this platform lists those that it has', async () => {
    await startStager();
    const result = await stage(request(await push('other', buildIndex([arm]))));
    expect(result).toMatchObject({ outcome: 'failed', error: { phase: 'platform', code: 'PLATFORM_UNAVAILABLE' } });
    expect(result.outcome === 'failed' && result.error.message).toContain('linux/s390x');
  });

  test('whose deadline is over is not staged', async () => {
    await startStager();
    const late = { ...request(await push('late', image('oci'))), deadline: new Date(Date.now() - 1).toISOString() };
    expect(await stage(late)).toMatchObject({ outcome: 'failed', error: { phase: 'deadline' } });
  });

  test('with credentials sealed to another key says so', async () => {
    await startStager();
    const credentials = seal('{"username":"u","password":"p"}', generateSealingKeys().publicKey);
    const result = await stage({ ...request('localhost:5000/a'), credentials });
    expect(result).toMatchObject({ outcome: 'failed', error: { phase: 'credentials', code: 'SEAL_BROKEN' } });
  });

  test('with credentials that are none says so, and not what they are', async () => {
    await startStager();
    for (const text of ['hunter2', '{"password":"hunter2"', '{"username":"u","password":hunter2}', '["hunter2"]']) {
      const data = { ...request('localhost:5000/a'), credentials: seal(text, keys.publicKey) };
      const result = await stage(data);
      expect(result).toMatchObject({ outcome: 'failed', error: { phase: 'credentials', code: 'SEAL_BROKEN' } });
      await expect.poll(() => driver.lines(data.appGuid).at(-1)).toMatch(/^STG ERR Staging failed/);
      expect(`${JSON.stringify(result)} ${driver.lines(data.appGuid).join()}`).not.toContain('hunter2');
    }
  });

  test('that is none goes to the dead letters, and the next is staged', async () => {
    await startStager();
    const before = await driver.deadLetters();
    await driver.poison('{"type":"staging.request"}');
    expect(await stage(request(await push('after-poison', image('oci'))))).toMatchObject({ outcome: 'staged' });
    await expect.poll(() => driver.deadLetters()).toBe(before + 1);
  });
});

test('an image above the limits is refused with the figures, before its config is asked for', async () => {
  const large = buildImage({
    layers: [...layers, buildLayer([{ name: 'noise', content: randomBytes(2 ** 20 + 1).toString('latin1') }])],
  });
  const reference = await push('large', large);
  await startStager({ IMAGE_MAX_LAYER_MB: '1' });
  const data = request(reference);
  const result = await stage(data);
  expect(result).toMatchObject({ outcome: 'failed', error: { phase: 'manifest', code: 'IMAGE_TOO_LARGE' } });
  expect(result).toMatchObject({
    error: { message: expect.stringMatching(/has \d+ bytes; the limit for one layer is 1048576$/) },
  });
  expect(driver.lines(data.appGuid).join('\n')).not.toContain('config');
});

test('schema 1 is refused by name', async () => {
  const old = await startRegistry({ schema1: true });
  onTestFinished(() => old.stop());
  await startStager();
  for (const layer of layers) await pushBlob(old, 'old', layer);
  await pushManifest(old, 'old', 'v1', buildSchema1('old', 'v1', layers));
  const result = await stage(request(`127.0.0.1:${old.port}/old:v1`));
  expect(result).toMatchObject({ outcome: 'failed', error: { code: 'SCHEMA1_UNSUPPORTED' } });
  expect(result.outcome === 'failed' && result.error.message).toMatch(/schema 1/i);
});

describe('a registry that wants credentials', () => {
  const credentials = { username: 'robot', password: 'hunter2-registry' };

  test.each([
    ['basic', { kind: 'basic', ...credentials }],
    ['token', { kind: 'token', ...credentials }],
  ] as const)('by %s authentication gets those of the package, and no log line has them', async (_, auth) => {
    const closed = await startRegistry({ auth });
    onTestFinished(() => closed.stop());
    await startStager();
    const { reference } = await pushImage(closed, 'private', 'v1', image('oci'), { credentials });
    const data = request(reference, credentials);
    expect(await stage(data)).toMatchObject({ outcome: 'staged' });
    const line = (whose: string) => `STG OUT Using ${whose}, user "robot"`;
    await expect.poll(() => driver.lines(data.appGuid)).toContain(line("the package's own credentials"));
    const whose = 'the registry credentials "ci" of space "dev"';
    const shared = { ...request(reference, credentials), credentialsOf: whose };
    expect(await stage(shared)).toMatchObject({ outcome: 'staged' });
    await expect.poll(() => driver.lines(shared.appGuid)).toContain(line(whose));
    const refused = request(reference, { ...credentials, password: 'wrong-password' });
    expect(await stage(refused)).toMatchObject({ outcome: 'failed', error: { phase: 'authentication' } });
    expect(await stage(request(reference))).toMatchObject({ outcome: 'failed', error: { phase: 'authentication' } });
    await expect.poll(() => driver.lines(refused.appGuid).at(-1)).toMatch(/^STG ERR Staging failed/);
    const text = [...driver.lines(data.appGuid), ...driver.lines(refused.appGuid)].join('\n');
    expect(text).not.toContain(credentials.password);
    expect(text).not.toContain('wrong-password');
    expect(text).not.toContain(Buffer.from(`robot:${credentials.password}`).toString('base64'));
  });
});

test('a stager does not start with a key pair that does not belong together', () => {
  const env = {
    NATS_URL: nats.url,
    NATS_USER: 'stager',
    NATS_PASSWORD: 'x',
    STAGER_PUBLIC_KEY: keys.publicKey,
    STAGER_PRIVATE_KEY: generateSealingKeys().privateKey,
  };
  expect(() => loadConfig('stager', configSchema, env)).toThrow(
    'STAGER_PRIVATE_KEY: is not the private key of STAGER_PUBLIC_KEY',
  );
});
