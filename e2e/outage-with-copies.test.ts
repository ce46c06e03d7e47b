// @module-tag root
import { randomBytes } from 'node:crypto';
import { type LaunchedPlatform, launchPlatform } from '@slipway/infra';
import {
  CfClient,
  pushImage,
  type RegistryFront,
  type RegistryHandle,
  sampleImage,
  startAnyRegistry,
  startRegistryFront,
} from '@slipway/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';

const patient = { timeout: 60_000 };
const NAME = 'copied';

let platform: LaunchedPlatform;
let cf: CfClient;
let registry: RegistryHandle;
let front: RegistryFront;

beforeAll(async () => {
  registry = await startAnyRegistry();
  front = await startRegistryFront(registry);
  const settings = { SLIPWAY_CELL_ID: `e2e-${randomBytes(3).toString('hex')}`, SLIPWAY_DROPLET_REGISTRY: 'local' };
  platform = await launchPlatform({ settings });
  cf = new CfClient({ url: platform.url, username: 'admin', password: platform.adminPassword, checkAnswers: true });
});
afterAll(async () => {
  await platform?.stop();
  await front?.stop();
  await registry?.stop();
});

test('what was staged with a droplet registry starts for the first time while its own registry is gone', async () => {
  const { digest } = await pushImage(registry, NAME, 'latest', await sampleImage());
  const spaceGuid = await cf.space('space', await cf.organization('org'));
  const appGuid = await cf.createApp(NAME, spaceGuid);
  const build = await cf.createBuild(await cf.createPackage(appGuid, `${front.address}/${NAME}:latest`));
  await cf.setDroplet(appGuid, await cf.waitForBuild(build));
  await front.become('gone');
  const host = await cf.mapRoute(appGuid, spaceGuid, NAME);
  await cf.action(appGuid, 'start');
  await cf.waitForRunning(appGuid, 1);
  const environment = async (): Promise<string> => (await cf.fetch(host, '/cgi-bin/env')).body;
  await expect.poll(environment, patient).toContain(`SLIPWAY_IMAGE_DIGEST=${digest}\n`);
  await cf.scale(appGuid, 2);
  await cf.waitForRunning(appGuid, 2);
  expect(front.requests).toEqual([]);
});
