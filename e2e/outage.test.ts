// @module-tag root
import { randomBytes } from 'node:crypto';
import { type LaunchedPlatform, launchPlatform } from '@slipway/infra';
import {
  CfClient,
  pushImage,
  type RegistryFront,
  type RegistryHandle,
  type RegistryWeather,
  sampleImage,
  startAnyRegistry,
  startRegistryFront,
} from '@slipway/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';

const patient = { timeout: 60_000 };
const weathers: readonly RegistryWeather[] = ['gone', 401, 403, 429];
const NAME = 'outage';

const dropletSchema = z.looseObject({
  guid: z.string(),
  image: z.string(),
  image_digests: z.object({ manifest: z.string(), index: z.string().nullable() }),
});
const revisionsSchema = z.object({
  resources: z.array(z.looseObject({ guid: z.string(), droplet: z.object({ guid: z.string() }) })),
});
const deploymentSchema = z.looseObject({ guid: z.string(), status: z.looseObject({ value: z.string() }) });
const guidSchema = z.looseObject({ guid: z.string() });
const logSchema = z.object({
  envelopes: z.object({ batch: z.array(z.looseObject({ log: z.object({ payload: z.string() }) })) }),
});

let platform: LaunchedPlatform;
let cf: CfClient;
let registry: RegistryHandle;
let front: RegistryFront;
let appGuid: string;
let packageGuid: string;
let host: string;
/** Digest to the droplet that runs it, in the order of staging. */
const droplets = new Map<string, string>();

beforeAll(async () => {
  registry = await startAnyRegistry();
  front = await startRegistryFront(registry);
  platform = await launchPlatform({ settings: { SLIPWAY_CELL_ID: `e2e-${randomBytes(3).toString('hex')}` } });
  cf = new CfClient({ url: platform.url, username: 'admin', password: platform.adminPassword, checkAnswers: true });
});
afterAll(async () => {
  await platform?.stop();
  await front?.stop();
  await registry?.stop();
});

/** The tag names the image of this version from now on. */
const moveTag = async (version: string): Promise<string> =>
  (await pushImage(registry, NAME, 'latest', await sampleImage(version))).digest;

/** What a new staging finds is the current droplet from then on. */
async function stage(): Promise<z.infer<typeof dropletSchema>> {
  const guid = await cf.waitForBuild(await cf.createBuild(packageGuid));
  await cf.setDroplet(appGuid, guid);
  const droplet = await cf.call('GET', `/v3/droplets/${guid}`, dropletSchema);
  droplets.set(droplet.image_digests.manifest, guid);
  return droplet;
}

/** Every instance of the app runs this image, and so many do. */
async function allRun(digest: string, instances: number): Promise<void> {
  await cf.waitForRunning(appGuid, instances);
  const seen = async (): Promise<string[]> => {
    const answers = await Promise.all(Array.from({ length: 4 * instances }, () => cf.fetch(host, '/cgi-bin/env')));
    const found = answers.map(({ body }) => {
      const value = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(body)?.[1] ?? '';
      return `${value('CF_INSTANCE_INDEX')} ${value('SLIPWAY_IMAGE_DIGEST')}`;
    });
    return [...new Set(found)].sort();
  };
  const wanted = Array.from({ length: instances }, (_, index) => `${index} ${digest}`);
  await expect.poll(seen, patient).toEqual(wanted);
}

/** One instance ends with an error, and another takes its place. */
async function crashOne(instances: number): Promise<void> {
  const before = (await cf.waitForRunning(appGuid, instances)).map(({ instance_guid }) => instance_guid);
  await cf.fetch(host, '/cgi-bin/crash');
  const replaced = async (): Promise<number> => {
    const now = await cf.stats(appGuid);
    const running = now.filter(({ state }) => state === 'RUNNING');
    if (running.length < instances) return -1;
    return running.filter(({ instance_guid }) => !before.includes(instance_guid)).length;
  };
  await expect.poll(replaced, patient).toBe(1);
}

async function rollBackTo(digest: string): Promise<void> {
  const path = `/v3/apps/${appGuid}/revisions?order_by=-created_at&per_page=100`;
  const { resources } = await cf.call('GET', path, revisionsSchema);
  const revision = resources.find(({ droplet }) => droplet.guid === droplets.get(digest));
  if (revision === undefined) throw new Error(`no revision has ${digest}`);
  const { guid } = await cf.call('POST', '/v3/deployments', deploymentSchema, {
    revision: { guid: revision.guid },
    relationships: { app: { data: { guid: appGuid } } },
  });
  const status = async (): Promise<string> =>
    (await cf.call('GET', `/v3/deployments/${guid}`, deploymentSchema)).status.value;
  await expect.poll(status, patient).toBe('FINALIZED');
}

test('a tag that moves changes nothing: not at a restart, not for one more instance, not after a crash', async () => {
  const first = await moveTag('1');
  const spaceGuid = await cf.space('space', await cf.organization('org'));
  appGuid = await cf.createApp(NAME, spaceGuid);
  packageGuid = await cf.createPackage(appGuid, `${front.address}/${NAME}:latest`);
  const droplet = await stage();
  expect(droplet.image_digests).toEqual({ manifest: first, index: null });
  expect(droplet.image).toBe(`${front.address}/${NAME}:latest@${first}`);
  host = await cf.mapRoute(appGuid, spaceGuid, NAME);
  await cf.action(appGuid, 'start');
  await allRun(first, 1);
  await moveTag('2');
  await front.become('fine');
  await cf.action(appGuid, 'restart');
  await allRun(first, 1);
  await cf.scale(appGuid, 2);
  await allRun(first, 2);
  await crashOne(2);
  await allRun(first, 2);
  expect((await cf.fetch(host, '/version.txt')).body).toBe('1\n');
  expect(front.requests).toEqual([]);
});

test('a new staging is what looks at the tag, and its tasks run what it found', async () => {
  const second = await moveTag('2');
  await front.become('fine');
  expect((await stage()).image_digests.manifest).toBe(second);
  expect(front.requests.some((request) => request.endsWith('/manifests/latest'))).toBe(true);
  await cf.action(appGuid, 'restart');
  await allRun(second, 2);
  await cf.call('POST', `/v3/apps/${appGuid}/tasks`, guidSchema, { command: 'echo "task of $SLIPWAY_IMAGE_DIGEST"' });
  const lines = async (): Promise<string[]> => {
    const answer = await cf.fetch('localhost', `/api/v1/read/${appGuid}?envelope_types=LOG&limit=1000`, {
      headers: { authorization: `bearer ${await cf.token()}` },
    });
    const { batch } = logSchema.parse(JSON.parse(answer.body)).envelopes;
    return batch.map(({ log }) => Buffer.from(log.payload, 'base64').toString());
  };
  await expect.poll(lines, patient).toContain(`task of ${second}`);
});

test.each(weathers)('with its registry %s, an app restarts, grows, recovers, and is rolled back', async (weather) => {
  const [first, second] = [...droplets.keys()] as [string, string];
  await front.become(weather);
  await cf.action(appGuid, 'restart');
  await allRun(second, 2);
  await cf.scale(appGuid, 3);
  await allRun(second, 3);
  await crashOne(3);
  await allRun(second, 3);
  await rollBackTo(first);
  await allRun(first, 3);
  await rollBackTo(second);
  await cf.scale(appGuid, 2);
  await allRun(second, 2);
  expect(front.requests).toEqual([]);
});
