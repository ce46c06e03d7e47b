import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { publishMessage, startWorkQueue } from '@slipway/bus';
import { type StagingRequest, type StagingResult, stagingRequest, stagingResult } from '@slipway/contracts';
import { createLogger, generateSealingKeys, loadConfig } from '@slipway/service-kit';
import { buildImage, buildLayer, startNats } from '@slipway/testing';
import { expect, onTestFinished, test } from 'vitest';
import { createApp } from './app.ts';
import { configSchema } from './config.ts';

/** A registry of one image that tells when it is asked for the manifest, and waits to be let answer. */
async function startSlowRegistry() {
  const image = buildImage({ layers: [buildLayer([{ name: 'a', content: 'a' }])] });
  const [asked, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const server = createServer((request, response) => {
    const content = request.url?.includes('/manifests/') ? image.manifest : image.config;
    asked.resolve();
    void released.promise.then(() => response.writeHead(200, { 'content-type': content.mediaType }).end(content.bytes));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { reference: `127.0.0.1:${port}/app:v1`, asked: asked.promise, release: released.resolve };
}

test('a result is not lost when NATS loses its store while the build is staged', async () => {
  const nats = await startNats();
  onTestFinished(() => nats.stop());
  const keys = generateSealingKeys();
  const config = loadConfig('stager', configSchema, {
    NATS_URL: nats.url,
    NATS_USER: 'stager',
    NATS_PASSWORD: nats.password('stager'),
    STAGER_PUBLIC_KEY: keys.publicKey,
    STAGER_PRIVATE_KEY: keys.privateKey,
  });
  const app = createApp(config, { logger: createLogger('stager', 'silent') });
  onTestFinished(() => app.stop());
  await app.start();
  const bus = await nats.connectOperator();
  onTestFinished(() => bus.close());
  const result = Promise.withResolvers<StagingResult>();
  const queue = await startWorkQueue(bus, {
    definition: { ...stagingResult, stream: 'STAGING_RESULTS' },
    durable: 'cloud-controller',
    concurrency: 1,
    handle: async ({ data }) => result.resolve(data),
  });
  onTestFinished(() => queue.stop());

  const registry = await startSlowRegistry();
  const request: StagingRequest = {
    buildGuid: randomUUID(),
    appGuid: randomUUID(),
    packageGuid: randomUUID(),
    image: registry.reference,
    deadline: new Date(Date.now() + 60_000).toISOString(),
  };
  await publishMessage(bus, stagingRequest, request);
  await registry.asked;
  await nats.kill();
  registry.release();
  await nats.restart({ wipe: true });
  expect(await result.promise).toMatchObject({ outcome: 'staged', buildGuid: request.buildGuid });
});
