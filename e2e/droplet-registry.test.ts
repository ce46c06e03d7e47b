// @module-tag root
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LaunchedPlatform, launchPlatform } from '@slipway/infra';
import { CfClient, pushImage, sampleImage, startRegistry } from '@slipway/testing';
import { expect, onTestFinished, test } from 'vitest';

const NAME = 'copied';

test('with a droplet registry an app runs on a cell that has none of its layers, when its own registry is gone', async () => {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'slipway-e2e-'));
  onTestFinished(() => rm(dataDirectory, { recursive: true, force: true }));
  const upstream = await startRegistry();
  onTestFinished(() => upstream.stop());
  const settings: Record<string, string> = {
    SLIPWAY_DROPLET_REGISTRY: 'local',
    SLIPWAY_CELL_ID: `e2e-${randomBytes(3).toString('hex')}`,
  };
  let platform: LaunchedPlatform | undefined;
  onTestFinished(async () => void (await platform?.stop()));
  const launch = async (): Promise<{ readonly cf: CfClient; readonly running: LaunchedPlatform }> => {
    const running = await launchPlatform({ dataDirectory, settings });
    platform = running;
    return { running, cf: new CfClient({ url: running.url, username: 'admin', password: running.adminPassword }) };
  };

  const { cf, running } = await launch();
  settings.SLIPWAY_PORT = String(running.port);
  const { reference } = await pushImage(upstream, NAME, 'v1', await sampleImage());
  const spaceGuid = await cf.space('space', await cf.organization('org'));
  const appGuid = await cf.createApp(NAME, spaceGuid);
  const build = await cf.createBuild(await cf.createPackage(appGuid, reference));
  await cf.setDroplet(appGuid, await cf.waitForBuild(build));
  const host = await cf.mapRoute(appGuid, spaceGuid, NAME);
  await cf.action(appGuid, 'start');
  await cf.waitForRunning(appGuid, 1);
  await running.stop();
  platform = undefined;

  await upstream.kill();
  await rm(join(dataDirectory, 'cell/layer-store'), { recursive: true });
  const again = await launch();
  await again.cf.waitForRunning(appGuid, 1);
  await expect.poll(async () => (await again.cf.fetch(host, '/')).status, { timeout: 60_000 }).toBe(200);
});
