// @module-tag root
import { randomBytes } from 'node:crypto';
import { type LaunchedPlatform, launchPlatform } from '@slipway/infra';
import {
  type BuiltContent,
  type BuiltImage,
  buildImage,
  buildIndex,
  CfClient,
  type MadeSignature,
  messageBundle,
  pushImage,
  pushSignatureReferrers,
  pushSignatureTag,
  type RegistryHandle,
  type SigningKeys,
  sampleImage,
  signingKeys,
  signingPayload,
  simpleSignature,
  startAnyRegistry,
  statementBundle,
} from '@slipway/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { leftovers } from './src/leftovers.ts';

const patient = { timeout: 60_000 };
const [release, successor, stranger] = [signingKeys(), signingKeys('rsa'), signingKeys()];
const another = buildImage({ layers: [] }).manifest.digest;
const keyOf = (name: string, { publicKey }: SigningKeys) => ({ name, public_key: publicKey });

const policySchema = z.object({ enabled: z.boolean(), keys: z.array(z.object({ name: z.string() })) });
const dropletSchema = z.object({ signatures: z.array(z.object({ key: z.string(), found_at: z.string() })).optional() });
const readSchema = z.object({
  envelopes: z.object({ batch: z.array(z.object({ log: z.object({ payload: z.string() }) })) }),
});

const cellId = `e2e-${randomBytes(3).toString('hex')}`;
let platform: LaunchedPlatform;
let cf: CfClient;
let registry: RegistryHandle;
let image: BuiltImage;
let organizationGuid: string;
let appGuid: string;

beforeAll(async () => {
  registry = await startAnyRegistry();
  image = await sampleImage();
  platform = await launchPlatform({ settings: { SLIPWAY_CELL_ID: cellId } });
  cf = new CfClient({ url: platform.url, username: 'admin', password: platform.adminPassword, checkAnswers: true });
  organizationGuid = await cf.organization('signed');
  appGuid = await cf.createApp('signed', await cf.space('space', organizationGuid));
});
afterAll(async () => {
  await platform?.stop();
  await registry?.stop();
});

const setPolicy = (change: object): Promise<z.infer<typeof policySchema>> =>
  cf.call('PATCH', `/v3/organizations/${organizationGuid}/signature_policy`, policySchema, change);

/** Stages the image of a repository; the droplet, or what the build failed with. */
async function stage(repository: string): Promise<{ readonly droplet?: string; readonly error?: string }> {
  const reference = `${registry.address}/${repository}:v1`;
  const build = await cf.createBuild(await cf.createPackage(appGuid, reference));
  try {
    return { droplet: await cf.waitForBuild(build) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

/** Pushes the image with signatures, as cosign would. */
async function push(
  repository: string,
  where: 'tag' | 'referrers',
  make: (manifest: BuiltContent) => readonly MadeSignature[],
): Promise<void> {
  await pushImage(registry, repository, 'v1', image);
  const { manifest } = image;
  if (where === 'tag') await pushSignatureTag(registry, repository, manifest.digest, make(manifest));
  else await pushSignatureReferrers(registry, repository, manifest, make(manifest));
}

const log = async (): Promise<string> => {
  const answer = await cf.fetch('localhost', `/api/v1/read/${appGuid}?envelope_types=LOG&limit=1000&descending=true`, {
    headers: { authorization: `bearer ${await cf.token()}` },
  });
  const { batch } = readSchema.parse(JSON.parse(answer.body)).envelopes;
  return batch.map((envelope) => Buffer.from(envelope.log.payload, 'base64').toString()).join('\n');
};

const instanceGuid = async (): Promise<string | null | undefined> => (await cf.stats(appGuid))[0]?.instance_guid;

test('without a policy, which is how organizations begin, nothing is asked of an image', async () => {
  await push('off', 'tag', ({ digest }) => [simpleSignature(stranger, { digest })]);
  const { droplet } = await stage('off');
  await cf.setDroplet(appGuid, droplet ?? '');
  await cf.action(appGuid, 'start');
  await cf.waitForRunning(appGuid, 1);
  expect(await log()).not.toContain('signature');
});

test('a policy leaves what runs alone, and what was staged before it is to be staged again before the next start', async () => {
  const before = await instanceGuid();
  expect(await setPolicy({ enabled: true, keys: [keyOf('release', release)] })).toMatchObject({ enabled: true });
  await expect(cf.action(appGuid, 'restart')).rejects.toThrow(/422.*no signature by the key "release".*cf restage/);
  expect(await instanceGuid()).toBe(before);
  expect(await cf.stats(appGuid)).toMatchObject([{ state: 'RUNNING' }]);
});

test.each<[string, 'tag' | 'referrers', (manifest: BuiltContent) => readonly MadeSignature[], RegExp]>([
  ['unsigned', 'tag', () => [], /the image is not signed/],
  [
    'signed with another key',
    'tag',
    ({ digest }) => [simpleSignature(stranger, { digest })],
    /not made with a trusted key/,
  ],
  ['signed for another digest', 'tag', () => [simpleSignature(release, { digest: another })], /but it signs sha256:/],
  [
    'with a payload that was changed',
    'tag',
    ({ digest }) => [simpleSignature(release, { digest }, signingPayload({ digest: another }))],
    /or its payload was changed/,
  ],
  [
    'with a statement that is no signature',
    'referrers',
    ({ digest }) => [statementBundle(release, digest, 'https://slsa.dev/provenance/v1')],
    /does not sign an image/,
  ],
])('an image %s is not staged, with what was looked for and where', async (name, where, make, reason) => {
  const repository = `refused/${name.replaceAll(' ', '-')}`;
  await push(repository, where, make);
  const { error = '' } = await stage(repository);
  const { digest } = image.manifest;
  const hex = digest.slice('sha256:'.length);
  expect(error).toMatch(/StagingError - Staging error: checking the image: /);
  expect(error).toMatch(reason);
  for (const text of ['the key "release"', `tag sha256-${hex}.sig`, `/v2/${repository}/referrers/${digest}`]) {
    expect(error).toContain(text);
    await expect.poll(log, patient).toContain(text);
  }
});

test.each<[string, 'tag' | 'referrers', (manifest: BuiltContent) => readonly MadeSignature[]]>([
  ['by a tag', 'tag', ({ digest }) => [simpleSignature(release, { digest })]],
  [
    'among others by a tag',
    'tag',
    ({ digest }) => [stranger, release].map((keys) => simpleSignature(keys, { digest })),
  ],
  ['by a referrer', 'referrers', ({ digest }) => [simpleSignature(release, { digest })]],
  ['by a bundle that refers to it', 'referrers', ({ digest }) => [statementBundle(release, digest)]],
  ['by a bundle of its bytes', 'referrers', (manifest) => [messageBundle(release, manifest)]],
])('an image signed %s is staged and runs', async (name, where, make) => {
  const repository = `accepted/${name.replaceAll(' ', '-')}`;
  await push(repository, where, make);
  const { droplet = '', error } = await stage(repository);
  expect(error).toBeUndefined();
  const { signatures } = await cf.call('GET', `/v3/droplets/${droplet}`, dropletSchema);
  expect(signatures).toMatchObject([{ key: 'release' }]);
  await cf.setDroplet(appGuid, droplet);
  await cf.action(appGuid, 'restart');
  await cf.waitForRunning(appGuid, 1);
  await expect.poll(log, patient).toContain(`checked that key "release" signed ${image.manifest.digest} for instance`);
});

test('an index may be signed in place of the image in it', async () => {
  const index = buildIndex([image], { attestations: true });
  await pushImage(registry, 'indexed', 'v1', index);
  const { digest } = index.manifest;
  await pushSignatureTag(registry, 'indexed', digest, [simpleSignature(release, { digest })]);
  const { droplet = '' } = await stage('indexed');
  await cf.setDroplet(appGuid, droplet);
  await cf.action(appGuid, 'restart');
  await cf.waitForRunning(appGuid, 1);
  await expect.poll(log, patient).toContain(`checked that key "release" signed ${digest} for instance`);
});

test('a key is rotated: what both signed goes on, what the old one signed alone is to be signed and staged again', async () => {
  const by =
    (...keys: readonly SigningKeys[]) =>
    ({ digest }: BuiltContent) =>
      keys.map((each) => simpleSignature(each, { digest }));
  await setPolicy({ keys: [keyOf('release', release), keyOf('successor', successor)] });
  await push('both', 'tag', by(release, successor));
  await push('old', 'tag', by(release));
  const { droplet: both = '' } = await stage('both');
  const { droplet: old = '' } = await stage('old');
  await cf.setDroplet(appGuid, old);
  await cf.action(appGuid, 'restart');
  await cf.waitForRunning(appGuid, 1);

  await setPolicy({ keys: [keyOf('successor', successor)] });
  await expect(cf.action(appGuid, 'restart')).rejects.toThrow(/422.*no signature by the key "successor".*cf restage/);
  await cf.setDroplet(appGuid, both);
  await cf.action(appGuid, 'restart');
  await cf.waitForRunning(appGuid, 1);

  expect((await stage('old')).error).toContain('not made with a trusted key');
  await push('old', 'tag', by(release, successor));
  const { droplet: signedAgain = '' } = await stage('old');
  await cf.setDroplet(appGuid, signedAgain);
  await cf.action(appGuid, 'restart');
  await cf.waitForRunning(appGuid, 1);
});

test('a policy that is switched off asks for nothing any more', async () => {
  expect(await setPolicy({ enabled: false })).toMatchObject({ enabled: false, keys: [{ name: 'successor' }] });
  const { droplet = '' } = await stage('off');
  await cf.setDroplet(appGuid, droplet);
  await cf.action(appGuid, 'restart');
  await cf.waitForRunning(appGuid, 1);
});

test('stopping leaves nothing on the machine', async () => {
  expect(await platform.stop()).toBe(0);
  expect(await leftovers({ dataDirectory: platform.dataDirectory, cellId })).toEqual([]);
});
