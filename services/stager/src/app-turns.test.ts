import { randomUUID } from 'node:crypto';
import type { StagingRequest } from '@slipway/contracts';
import {
  buildImage,
  buildLayer,
  type NatsHandle,
  pushImage,
  type RegistryProcess,
  startNats,
  startRegistry,
} from '@slipway/testing';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startDriver, startSlowRegistry, startStagerOn } from './stager.test-support.ts';

let nats: NatsHandle;
let registry: RegistryProcess;
beforeAll(async () => {
  [nats, registry] = await Promise.all([startNats(), startRegistry()]);
});
afterAll(async () => {
  await Promise.all([nats?.stop(), registry?.stop()]);
});

const request = (organizationGuid: string, image: string): StagingRequest => ({
  buildGuid: randomUUID(),
  appGuid: randomUUID(),
  packageGuid: randomUUID(),
  organizationGuid,
  image,
  deadline: new Date(Date.now() + 60_000).toISOString(),
});

test('builds of a registry that is silent keep no other organization waiting, and say that they wait', async () => {
  const image = buildImage({ layers: [buildLayer([{ name: 'a', content: 'a' }])] });
  await pushImage(registry, 'team/app', 'v1', image);
  const slow = await startSlowRegistry();
  const driver = await startDriver(nats);
  onTestFinished(() => driver.close());
  const app = await startStagerOn(nats, { more: { STAGER_CONCURRENCY: '3', STAGER_ORGANIZATION_CONCURRENCY: '2' } });
  onTestFinished(() => app.stop());

  const [patient, other] = [randomUUID(), randomUUID()];
  const waiting = Array.from({ length: 16 }, () => request(patient, slow.reference));
  for (const data of waiting) await driver.request(data);
  await slow.asked;
  const quick = request(other, `${registry.address}/team/app:v1`);
  await driver.request(quick);
  expect(await driver.result(quick.buildGuid)).toMatchObject({ outcome: 'staged' });
  expect(driver.lines(quick.appGuid).join('\n')).not.toContain('Waiting');

  const last = waiting.at(-1) ?? quick;
  await expect
    .poll(() => driver.lines(last.appGuid))
    .toEqual(['STG OUT Waiting: 2 builds of this organization are being staged, as many as may be at a time']);
  slow.release();
  for (const { buildGuid } of waiting) expect(await driver.result(buildGuid)).toMatchObject({ outcome: 'staged' });
});
