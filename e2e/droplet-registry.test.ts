// @module-tag root

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type LaunchedPlatform, launchPlatform } from '@slipway/infra';
import { CfClient, pushImage, sampleImage, startRegistry } from '@slipway/testing';
import { expect, onTestFinished, test } from 'vitest';

const NAME = 'copied';

/** What the operator's command says, run with the stager's settings. */
async function prune({ url, dataDirectory }: LaunchedPlatform, cf: CfClient, ...args: string[]): Promise<string> {
  const program = fileURLToPath(new URL('../services/stager/src/prune-copies.ts', import.meta.url));
  const ports = JSON.parse(await readFile(join(dataDirectory, 'ports.json'), 'utf8')) as Record<string, number>;
  const { stdout } = await promisify(execFile)(process.execPath, [program, '--api', url, ...args], {
    env: {
      PATH: process.env.PATH ?? '',
      CF_TOKEN: `bearer ${await cf.token()}`,
      DROPLET_REGISTRY: `127.0.0.1:${ports['droplet-registry']}/slipway`,
      DROPLET_REGISTRY_USERNAME: 'slipway',
      DROPLET_REGISTRY_PASSWORD_FILE: join(dataDirectory, 'secrets/stager/DROPLET_REGISTRY_PASSWORD'),
    },
  });
  return stdout;
}

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

  // What no droplet runs any more is deleted by the operator's command, and nothing else.
  const other = await pushImage(upstream, NAME, 'v2', await sampleImage('other'));
  const otherApp = await cf.createApp('deleted', spaceGuid);
  await cf.waitForBuild(await cf.createBuild(await cf.createPackage(otherApp, other.reference)));
  expect(await prune(running, cf)).toBe('2 copies, 0 of no droplet\n');
  await cf.deleteApp(otherApp);
  const copy = `slipway/127.0.0.1_${upstream.port}/${NAME}@${other.digest}`;
  expect(await prune(running, cf)).toBe(`of no droplet: ${copy}\n2 copies, 1 of no droplet\n`);
  expect(await prune(running, cf, '--delete')).toBe(`deleted: ${copy}\n2 copies, 1 of no droplet\n`);
  expect(await prune(running, cf, '--delete')).toBe('1 copies, 0 of no droplet\n');
  await running.stop();
  platform = undefined;

  await upstream.kill();
  await rm(join(dataDirectory, 'cell/layer-store'), { recursive: true });
  const again = await launch();
  await again.cf.waitForRunning(appGuid, 1);
  await expect.poll(async () => (await again.cf.fetch(host, '/')).status, { timeout: 60_000 }).toBe(200);
});
