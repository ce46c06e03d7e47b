// @module-tag root
import { type Digest, hostPlatform, inspectImage, parseReference, RegistryClient } from '@slipway/oci';
import { pushImage, type RegistryProcess, SAMPLE_GREETING, sampleImage, startRegistry } from '@slipway/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runChecks } from '../health/check-definition.ts';
import { expectConfinement } from '../layers/canary.test-support.ts';
import type { FetchLayer } from '../layers/layer.ts';
import { containerSpec, expectNothingLeft, Lines, openCell, testCell } from './garden.test-support.ts';
import type { Garden } from './garden.ts';

// A real image from a real registry. Needs root, runc, conmon, tini, busybox-static and docker-registry.

const options = testCell();
let garden: Garden;
let registry: RegistryProcess;
let client: RegistryClient;
beforeAll(async () => {
  registry = await startRegistry();
  client = new RegistryClient();
  garden = await openCell(options);
  await expectConfinement(options.dataDir);
});
afterAll(async () => {
  await garden.teardown();
  await client.close();
  await registry.stop();
  expectNothingLeft(options);
});

test('an image of several layers is pulled once, runs as its config says, and outlives its registry', async () => {
  const { reference } = await pushImage(registry, 'sample', 'v1', await sampleImage());
  const parsed = parseReference(reference);
  const repository = client.repository(parsed);
  const { config, layers } = await inspectImage(repository, parsed, { platform: hostPlatform() });
  expect(layers.length).toBeGreaterThan(1);
  const fetch: FetchLayer = async function* ({ digest, size }, signal) {
    yield* await repository.openBlob({ digest: digest as Digest, size }, { signal });
  };
  const stored = await garden.layers.ensureLayers(layers, fetch);
  const process = {
    entrypoint: config.entrypoint,
    cmd: config.cmd,
    workdir: config.workingDir,
    user: config.user,
    imageEnv: config.env,
    env: { PORT: '9090', SECOND_PORT: '9091' },
  };
  const container = await garden.create(containerSpec(stored, process));
  const lines = new Lines();
  container.readLogs(lines.sink);
  await container.start();
  await lines.until(`${SAMPLE_GREETING}: instance ? listens on 9090 and 9091`);
  await lines.until('go to stderr');
  const check = async (path: string) =>
    await runChecks(container.address, [{ type: 'http', port: 9090, path, timeoutMs: 10_000 }]);
  while (!(await check('/version.txt')).ok) await new Promise((resolve) => setImmediate(resolve));
  // The top layer has a whiteout for it.
  expect(await check('/draft.txt')).toMatchObject({ ok: false, message: expect.stringContaining('status code 404') });
  expect(await container.stop({ graceMs: 30_000 })).toMatchObject({ killed: false, exit: { status: 0 } });
  await container.delete();

  await registry.kill();
  const again = await garden.create(containerSpec(await garden.layers.ensureLayers(layers, fetch), process));
  await again.delete();
});
