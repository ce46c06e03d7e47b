// @module-tag root
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type LaunchedPlatform, launchPlatform } from '@slipway/infra';
import { CfClient, pushImage, type RegistryProcess, sampleImage, startRegistry } from '@slipway/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';

const patient = { timeout: 60_000 };
const before = { username: 'puller', password: `before-${randomBytes(12).toString('hex')}` };
const after = { username: 'puller', password: `after-${randomBytes(12).toString('hex')}` };

const credentialsSchema = z.looseObject({
  guid: z.string(),
  active: z.boolean(),
  verification: z.object({ state: z.string(), code: z.string().nullable(), detail: z.string().nullable() }),
});
const jobSchema = z.looseObject({ state: z.string(), errors: z.array(z.object({ detail: z.string() })) });
const logSchema = z.object({
  envelopes: z.object({ batch: z.array(z.looseObject({ log: z.object({ payload: z.string() }) })) }),
});

let storage: string;
let registry: RegistryProcess;
let platform: LaunchedPlatform;
let cf: CfClient;
let organizationGuid: string;
let spaceGuid: string;
let credentialsPath: string;

beforeAll(async () => {
  storage = await mkdtemp(join(tmpdir(), 'slipway-e2e-registry-'));
  registry = await startRegistry({ auth: { kind: 'basic', ...before }, storage });
  platform = await launchPlatform({ settings: { SLIPWAY_CELL_ID: `e2e-${randomBytes(3).toString('hex')}` } });
  cf = new CfClient({ url: platform.url, username: 'admin', password: platform.adminPassword, checkAnswers: true });
  organizationGuid = await cf.organization('org');
  spaceGuid = await cf.space('space', organizationGuid);
});
afterAll(async () => {
  await platform?.stop();
  await registry?.stop();
  await rm(storage, { recursive: true, force: true });
});

/** A change that asks the registry; the object as it is once the job has ended, and the job. */
async function change(method: string, path: string, body?: unknown) {
  const answer = await cf.fetch('localhost', path, {
    method,
    headers: { authorization: `bearer ${await cf.token()}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect([answer.status, answer.body]).toEqual([202, answer.body]);
  const { guid } = credentialsSchema.parse(JSON.parse(answer.body));
  const { pathname } = new URL(String(answer.headers.location));
  const jobNow = () => cf.call('GET', pathname, jobSchema);
  await expect.poll(async () => (await jobNow()).state, patient).not.toBe('PROCESSING');
  const shown = await cf.call('GET', `/v3/registry_credentials/${guid}`, credentialsSchema);
  return { shown, job: await jobNow() };
}

/** As `cf push -o` does without `--docker-username`: the package has no credentials. */
async function push(name: string, reference: string): Promise<string> {
  const appGuid = await cf.createApp(name, spaceGuid);
  const droplet = await cf.waitForBuild(await cf.createBuild(await cf.createPackage(appGuid, reference)));
  await cf.setDroplet(appGuid, droplet);
  await cf.action(appGuid, 'start');
  await cf.waitForRunning(appGuid, 1);
  return appGuid;
}

async function linesOf(appGuid: string): Promise<string[]> {
  const answer = await cf.fetch('localhost', `/api/v1/read/${appGuid}?envelope_types=LOG&limit=1000`, {
    headers: { authorization: `bearer ${await cf.token()}` },
  });
  const { batch } = logSchema.parse(JSON.parse(answer.body)).envelopes;
  return batch.map(({ log }) => Buffer.from(log.payload, 'base64').toString());
}

let appGuid: string;

test('an app whose package has no credentials is pushed with those of its organization', async () => {
  const image = await pushImage(registry, 'team/app', 'v1', await sampleImage('1'), { credentials: before });
  const relationships = { organization: { data: { guid: organizationGuid } } };
  const body = { name: 'ci', registry: registry.address, repository_prefix: 'team/', ...before, relationships };
  const { shown, job } = await change('POST', '/v3/registry_credentials', body);
  expect(job).toMatchObject({ state: 'COMPLETE' });
  const detail = `${registry.address} answered 200 to GET /v2/ as "puller"`;
  expect(shown).toMatchObject({ active: true, verification: { state: 'verified', detail } });
  credentialsPath = `/v3/registry_credentials/${shown.guid}`;
  appGuid = await push('app', image.reference);
  const said = 'Using the registry credentials "ci" of organization "org", user "puller"';
  await expect.poll(() => linesOf(appGuid), patient).toContain(said);
});

test('a rotated password is refused or taken by name, and what runs neither restarts nor changes', async () => {
  const [running] = await cf.waitForRunning(appGuid, 1);
  const { port, address } = registry;
  await registry.kill();
  registry = await startRegistry({ auth: { kind: 'basic', ...after }, port, storage });

  const wrong = await change('PATCH', credentialsPath, { password: 'wrong' });
  expect(wrong.job.state).toBe('FAILED');
  const refused = `asked ${address} for access: it answered 401`;
  expect(wrong.job.errors[0]?.detail).toContain(refused);
  expect(wrong.shown).toMatchObject({ active: true, verification: { code: 'REGISTRY_UNAUTHORIZED' } });
  expect(wrong.shown.verification.detail).toMatch(/The former user name and password stay in use$/);

  const right = await change('PATCH', credentialsPath, { password: after.password });
  expect(right.job.state).toBe('COMPLETE');
  expect(right.shown.verification.state).toBe('verified');

  await cf.scale(appGuid, 2);
  const instances = await cf.waitForRunning(appGuid, 2);
  expect(instances.map(({ instance_guid: guid }) => guid)).toContain(running?.instance_guid);
});

test('what is staged and pulled afterwards goes with the new password, with nothing said to any app', async () => {
  const image = await pushImage(registry, 'team/other', 'v1', await sampleImage('2'), { credentials: after });
  const seen = registry.requests.length;
  await push('other', image.reference);
  const blobs = registry.requests
    .slice(seen)
    .filter((request) => /^GET \/v2\/team\/other\/blobs\/.* 200$/.test(request));
  expect(blobs.length).toBeGreaterThan(1);
});

test('a registry that is down is told from a wrong password', async () => {
  await registry.kill();
  const { shown, job } = await change('POST', `${credentialsPath}/actions/verify`);
  expect(job.state).toBe('FAILED');
  expect(shown).toMatchObject({ active: true, verification: { state: 'failed', code: 'REGISTRY_UNREACHABLE' } });
  expect(shown.verification.detail).toMatch(/refuses connections\. This user name and password stay in use$/);
});

test('no password is in any file of the platform: not in its database, its logs, its message store, its cell', async () => {
  const found = (text: string) => promisify(execFile)('grep', ['-r', '-l', '-F', text, platform.dataDirectory]);
  // It would be found: the user name is.
  expect((await found('puller')).stdout).toContain('cloud-controller');
  for (const { password } of [before, after]) {
    for (const text of [password, Buffer.from(`puller:${password}`).toString('base64')]) {
      await expect(found(text)).rejects.toMatchObject({ code: 1 });
    }
  }
});
