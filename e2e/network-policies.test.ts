// @module-tag root
import { randomBytes } from 'node:crypto';
import { type LaunchedPlatform, launchPlatform } from '@slipway/infra';
import { CfClient, pushImage, type RegistryHandle, sampleImage, startAnyRegistry } from '@slipway/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { leftovers } from './src/leftovers.ts';

const patient = { timeout: 60_000 };
const POLICIES = '/networking/v1/external/policies';
const HOST = 'backend.apps.internal';

const guidSchema = z.object({ guid: z.string() });
const taskSchema = guidSchema.extend({ state: z.string() });
const readSchema = z.object({
  envelopes: z.object({
    batch: z.array(z.object({ tags: z.record(z.string(), z.string()), log: z.object({ payload: z.string() }) })),
  }),
});

const cellId = `e2e-${randomBytes(3).toString('hex')}`;
let platform: LaunchedPlatform;
let cf: CfClient;
let registry: RegistryHandle;
let front: string;
let back: string;

beforeAll(async () => {
  registry = await startAnyRegistry();
  const image = await pushImage(registry, 'sample', 'v1', await sampleImage());
  platform = await launchPlatform({ settings: { SLIPWAY_CELL_ID: cellId } });
  cf = new CfClient({ url: platform.url, username: 'admin', password: platform.adminPassword, checkAnswers: true });
  const space = await cf.space('space', await cf.organization('org'));
  const app = async (name: string): Promise<string> => {
    const guid = await cf.createApp(name, space);
    await cf.setDroplet(
      guid,
      await cf.waitForBuild(await cf.createBuild(await cf.createPackage(guid, image.reference))),
    );
    return guid;
  };
  [front, back] = [await app('front'), await app('back')];
  const domains = await cf.call('GET', '/v3/domains?names=apps.internal', z.object({ resources: z.array(guidSchema) }));
  const route = await cf.call('POST', '/v3/routes', guidSchema, {
    host: 'backend',
    relationships: { space: { data: { guid: space } }, domain: { data: { guid: domains.resources[0]?.guid } } },
  });
  const body = { destinations: [{ app: { guid: back } }] };
  await cf.call('POST', `/v3/routes/${route.guid}/destinations`, z.unknown(), body);
  await cf.action(back, 'start');
  await cf.waitForRunning(back, 1);
});
afterAll(async () => {
  await platform?.stop();
  await registry?.stop();
});

let tasks = 0;
/** What a command says in a container of the front app; its last line is whether it succeeded. */
async function inFront(command: string): Promise<string[]> {
  const name = `probe-${tasks++}`;
  const { guid } = await cf.call('POST', `/v3/apps/${front}/tasks`, taskSchema, {
    name,
    command: `${command}; echo "status $?"`,
    memory_in_mb: 32,
    disk_in_mb: 32,
  });
  const state = async (): Promise<string> => (await cf.call('GET', `/v3/tasks/${guid}`, taskSchema)).state;
  await expect.poll(state, patient).toBe('SUCCEEDED');
  const said = async (): Promise<string[]> => {
    const answer = await cf.fetch('localhost', `/api/v1/read/${front}?envelope_types=LOG&limit=1000&descending=true`, {
      headers: { authorization: `bearer ${await cf.token()}` },
    });
    return readSchema
      .parse(JSON.parse(answer.body))
      .envelopes.batch.filter(({ tags }) => tags.source_type === `APP/TASK/${name}`)
      .map(({ log }) => Buffer.from(log.payload, 'base64').toString())
      .toReversed();
  };
  await expect.poll(said, patient).toContainEqual(expect.stringMatching(/^status \d+$/));
  return said();
}

/** Without wget: that of a static busybox needs libraries to look names up. */
const call = (host = HOST, port = 8080): Promise<string[]> =>
  inFront(`said=$(busybox nslookup -type=a ${host} 2>&1)
    address=$(echo "$said" | busybox awk '/^Name/ { found = 1 } found && /^Address/ { print $2; exit }')
    if [ -n "$address" ]; then printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 5 $address ${port} 2>&1; else echo "$said"; false; fi`);
const reached = expect.arrayContaining([expect.stringContaining('"greeting"'), 'status 0']);
const refused = expect.arrayContaining([expect.stringContaining('refused'), 'status 1']);

const policy = (start = 8080) => ({
  policies: [{ source: { id: front }, destination: { id: back, protocol: 'tcp', ports: { start, end: start } } }],
});
const add = (): Promise<unknown> => cf.call('POST', POLICIES, z.unknown(), policy());
const remove = (): Promise<unknown> => cf.call('POST', `${POLICIES}/delete`, z.unknown(), policy());
const eventually = { timeout: 120_000, interval: 1_000 };

test('an app is found by its internal name and not reached until a policy allows it, and no longer than that', async () => {
  expect(await call()).toEqual(refused);
  await add();
  await expect.poll(() => call(), eventually).toEqual(reached);
  expect(await call('0.backend.apps.internal')).toEqual(reached);
  expect(await call(HOST, 8443)).toEqual(refused);
  await remove();
  await expect.poll(() => call(), eventually).toEqual(refused);
});

test('instances that come are reached, and the name of one that goes is no more', async () => {
  await add();
  await cf.scale(back, 3);
  await cf.waitForRunning(back, 3);
  await expect.poll(() => call('2.backend.apps.internal'), eventually).toEqual(reached);
  await cf.scale(back, 1);
  await expect
    .poll(() => call('2.backend.apps.internal'), eventually)
    .toEqual(expect.arrayContaining([expect.stringContaining('NXDOMAIN'), 'status 1']));
  expect(await call()).toEqual(reached);
});

test('what is allowed stays while the rep is killed and comes back', async () => {
  const rep = async () => (await platform.status()).processes.find(({ name }) => name === 'cell-rep');
  const pid = (await rep())?.pid;
  if (pid === undefined) throw new Error('cell-rep does not run');
  process.kill(pid, 'SIGKILL');
  await expect
    .poll(async () => {
      const now = await rep();
      return now?.ready === true && now.pid !== pid;
    }, patient)
    .toBe(true);
  expect(await call()).toEqual(reached);
  await cf.deleteApp(back);
  await expect.poll(() => call(), eventually).toEqual(expect.arrayContaining([expect.stringContaining('NXDOMAIN')]));
  const list = await cf.call('GET', `${POLICIES}?id=${front}`, z.object({ total_policies: z.int() }));
  expect(list.total_policies).toBe(0);
});

test('stopping leaves nothing on the machine', async () => {
  expect(await platform.stop()).toBe(0);
  expect(await leftovers({ dataDirectory: platform.dataDirectory, cellId })).toEqual([]);
});
