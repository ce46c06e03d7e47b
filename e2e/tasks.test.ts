// @module-tag root
import { randomBytes } from 'node:crypto';
import { type LaunchedPlatform, launchPlatform } from '@slipway/infra';
import { CfClient, pushImage, type RegistryHandle, sampleImage, startAnyRegistry } from '@slipway/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { leftovers } from './src/leftovers.ts';

const patient = { timeout: 60_000 };

const taskSchema = z.object({
  guid: z.string(),
  name: z.string(),
  state: z.string(),
  result: z.object({ failure_reason: z.string().nullable() }),
});
const listSchema = z.object({ resources: z.array(taskSchema) });
const readSchema = z.object({
  envelopes: z.object({
    batch: z.array(z.object({ tags: z.record(z.string(), z.string()), log: z.object({ payload: z.string() }) })),
  }),
});

const cellId = `e2e-${randomBytes(3).toString('hex')}`;
let platform: LaunchedPlatform;
let cf: CfClient;
let registry: RegistryHandle;
let appGuid: string;

beforeAll(async () => {
  registry = await startAnyRegistry();
  const image = await pushImage(registry, 'sample', 'v1', await sampleImage());
  platform = await launchPlatform({ settings: { SLIPWAY_CELL_ID: cellId } });
  cf = new CfClient({ url: platform.url, username: 'admin', password: platform.adminPassword, checkAnswers: true });
  appGuid = await cf.createApp('tasks', await cf.space('space', await cf.organization('org')));
  const build = await cf.createBuild(await cf.createPackage(appGuid, image.reference));
  await cf.setDroplet(appGuid, await cf.waitForBuild(build));
});
afterAll(async () => {
  await platform?.stop();
  await registry?.stop();
});

const run = (name: string, command: string): Promise<z.infer<typeof taskSchema>> =>
  cf.call('POST', `/v3/apps/${appGuid}/tasks`, taskSchema, { name, command, memory_in_mb: 32, disk_in_mb: 32 });

const tasksOf = async (names: readonly string[]): Promise<z.infer<typeof taskSchema>[]> => {
  const path = `/v3/apps/${appGuid}/tasks?per_page=100&names=${names.join(',')}`;
  return (await cf.call('GET', path, listSchema)).resources;
};

/** `name: line` of each line that a task itself wrote. */
const lines = async (): Promise<string[]> => {
  const answer = await cf.fetch('localhost', `/api/v1/read/${appGuid}?envelope_types=LOG&limit=1000`, {
    headers: { authorization: `bearer ${await cf.token()}` },
  });
  return readSchema.parse(JSON.parse(answer.body)).envelopes.batch.flatMap(({ tags, log }) => {
    const [, name] = /^APP\/TASK\/(.+)$/.exec(tags.source_type ?? '') ?? [];
    return name === undefined ? [] : [`${name}: ${Buffer.from(log.payload, 'base64')}`];
  });
};

const pidOf = async (name: string): Promise<number | undefined> =>
  (await platform.status()).processes.find((p) => p.name === name && p.ready)?.pid;

/** Kills a service and waits until the supervisor has it back and ready. */
async function killAndWait(name: string): Promise<void> {
  const pid = await pidOf(name);
  if (pid === undefined) throw new Error(`${name} does not run`);
  process.kill(pid, 'SIGKILL');
  await expect
    .poll(async () => {
      const now = await pidOf(name);
      return now !== undefined && now !== pid;
    }, patient)
    .toBe(true);
}

test('a task of an app that never ran ends with its result, and its lines are in the log', async () => {
  await run('good', 'echo fine');
  await run('bad', 'echo wrong; exit 7');
  await expect
    .poll(
      async () => (await tasksOf(['good', 'bad'])).map(({ state, result }) => [state, result.failure_reason]),
      patient,
    )
    .toEqual([
      ['SUCCEEDED', null],
      ['FAILED', 'APP/TASK/bad: Exited with status 7'],
    ]);
  await expect.poll(lines, patient).toEqual(expect.arrayContaining(['good: fine', 'bad: wrong', 'bad: Exit status 7']));
});

test.each(['scheduler', 'cloud-controller', 'cell-rep', 'nats-server'])(
  'kill -9 of %s: each task that begins or runs meanwhile has one result, and none runs twice',
  async (service) => {
    const names = Array.from({ length: 6 }, (_, i) => `${service}-${i}`);
    for (const [i, name] of names.entries()) {
      await run(name, `echo once; sleep ${1 + (i % 3)}; exit ${i % 2}`);
      if (i === 2) await killAndWait(service);
    }
    const ended = async (): Promise<string[]> =>
      (await tasksOf(names)).map(({ state }) => state).filter((state) => state === 'SUCCEEDED' || state === 'FAILED');
    await expect.poll(ended, patient).toHaveLength(names.length);
    const results = (await tasksOf(names)).map(
      ({ name, state, result }) => `${name} ${state} ${result.failure_reason}`,
    );
    for (const [i, name] of names.entries()) {
      const expected = i % 2 === 0 ? 'SUCCEEDED null' : `FAILED APP/TASK/${name}: Exited with status 1`;
      // A rep that dies in the moment of the start cannot know whether it had begun, and does not begin it again.
      const unknown = service === 'cell-rep' ? [`${name} FAILED task container does not exist`] : [];
      expect([`${name} ${expected}`, ...unknown]).toContain(results.find((result) => result.startsWith(`${name} `)));
    }
    const said = await lines();
    for (const name of names) expect(said.filter((line) => line === `${name}: once`).length).toBeLessThanOrEqual(1);
  },
);

test('stopping leaves nothing of tasks on the machine', async () => {
  expect(await platform.stop()).toBe(0);
  expect(await leftovers({ dataDirectory: platform.dataDirectory, cellId })).toEqual([]);
});
