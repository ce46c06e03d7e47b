import { randomUUID } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publishMessage, startWorkQueue } from '@slipway/bus';
import { type StagingResult, stagingRequest, stagingResult } from '@slipway/contracts';
import { createLogger } from '@slipway/service-kit';
import { buildImage, buildLayer, pushImage, startNats, startRegistry } from '@slipway/testing';
import { expect, onTestFinished, test } from 'vitest';
import { startStagerOn } from './stager.test-support.ts';

test('a stager takes the registries settings over as they change, for builds without credentials of their own', async () => {
  const credentials = { username: 'robot', password: 'canary-platform-password' };
  const [nats, registry] = await Promise.all([startNats(), startRegistry({ auth: { kind: 'token', ...credentials } })]);
  const directory = await mkdtemp(join(tmpdir(), 'slipway-registries-'));
  onTestFinished(async () => {
    await Promise.all([nats.stop(), registry.stop()]);
    await rm(directory, { recursive: true, force: true });
  });
  const image = buildImage({ layers: [buildLayer([{ name: 'a', content: 'a' }])] });
  await pushImage(registry, 'team/app', 'v1', image, { credentials });

  const file = join(directory, 'registries.yaml');
  let log = '';
  const loaded = Promise.withResolvers<void>();
  const write = (line: string): void => {
    log += line;
    if (line.includes('registry-settings.loaded')) loaded.resolve();
  };
  const logger = createLogger('stager', 'debug', { write });
  const app = await startStagerOn(nats, { logger, more: { REGISTRIES_FILE: file } });
  onTestFinished(() => app.stop());
  const bus = await nats.connectOperator();
  onTestFinished(() => bus.close());
  const results = new Map<string, (result: StagingResult) => void>();
  const queue = await startWorkQueue(bus, {
    definition: { ...stagingResult, stream: 'STAGING_RESULTS' },
    durable: 'cloud-controller',
    concurrency: 1,
    handle: async ({ data }) => results.get(data.buildGuid)?.(data),
  });
  onTestFinished(() => queue.stop());
  const stage = (): Promise<StagingResult> =>
    new Promise((resolve, reject) => {
      const buildGuid = randomUUID();
      results.set(buildGuid, resolve);
      const request = {
        buildGuid,
        appGuid: randomUUID(),
        packageGuid: randomUUID(),
        image: `${registry.address}/team/app:v1`,
        deadline: new Date(Date.now() + 60_000).toISOString(),
      };
      publishMessage(bus, stagingRequest, request, { id: buildGuid }).catch(reject);
    });

  expect(await stage()).toMatchObject({ outcome: 'failed', error: { code: 'REGISTRY_UNAUTHORIZED' } });
  await writeFile(`${file}.new`, JSON.stringify({ registries: { [registry.address]: credentials } }));
  await rename(`${file}.new`, file);
  await loaded.promise;
  expect(await stage()).toMatchObject({ outcome: 'staged' });
  expect(log).not.toContain(credentials.password);
});
