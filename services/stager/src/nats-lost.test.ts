import { randomUUID } from 'node:crypto';
import { publishMessage, startWorkQueue } from '@slipway/bus';
import { type StagingRequest, type StagingResult, stagingRequest, stagingResult } from '@slipway/contracts';
import { startNats } from '@slipway/testing';
import { expect, onTestFinished, test } from 'vitest';
import { startSlowRegistry, startStagerOn } from './stager.test-support.ts';

test('a result is not lost when NATS loses its store while the build is staged', async () => {
  const nats = await startNats();
  onTestFinished(() => nats.stop());
  const app = await startStagerOn(nats);
  onTestFinished(() => app.stop());
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
