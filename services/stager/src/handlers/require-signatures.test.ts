import { randomUUID } from 'node:crypto';
import type { StagingRequest, StagingResult } from '@slipway/contracts';
import { DEFAULT_IMAGE_LIMITS, digestOf, RegistryClient } from '@slipway/oci';
import { generateSealingKeys } from '@slipway/service-kit';
import {
  buildImage,
  buildIndex,
  buildLayer,
  pushImage,
  pushSignatureReferrers,
  pushSignatureTag,
  type RegistryProcess,
  signingKeys,
  simpleSignature,
  startRegistry,
  statementBundle,
} from '@slipway/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stageBuild } from './stage-build.ts';

const keys = signingKeys();
const policy = { keys: [{ name: 'release', publicKey: keys.publicKey }], matchRepository: false };
const layers = [buildLayer([{ name: 'a', content: 'a' }])];
const image = buildImage({ layers });
const index = buildIndex([buildImage({ layers, platform: { os: 'linux', architecture: 's390x' } }), image]);

let registry: RegistryProcess;
let client: RegistryClient;
beforeAll(async () => {
  registry = await startRegistry();
  client = new RegistryClient({ retries: { baseMs: 1, capMs: 2 } });
});
afterAll(async () => {
  await client.close();
  await registry.stop();
});

/** Stages it, for an organization with a policy or without; what came of it and the staging log. */
async function stage(
  name: string,
  signaturePolicy: StagingRequest['signaturePolicy'],
): Promise<{ readonly result: StagingResult; readonly log: string }> {
  const lines: string[] = [];
  const request = {
    buildGuid: randomUUID(),
    appGuid: randomUUID(),
    packageGuid: randomUUID(),
    image: `${registry.address}/${name}:v1`,
    deadline: new Date(Date.now() + 60_000).toISOString(),
    ...(signaturePolicy === undefined ? {} : { signaturePolicy }),
  };
  const deps = {
    registry: client,
    platform: { os: 'linux', architecture: 'amd64' },
    limits: DEFAULT_IMAGE_LIMITS,
    keys: generateSealingKeys(),
    copier: undefined,
    requestedAt: Date.now(),
    log: (line: string, stream: string) => void lines.push(`${stream} ${line}`),
    now: () => Date.now(),
  };
  const result = await stageBuild(request, deps, new AbortController().signal);
  return { result, log: lines.join('\n') };
}

test('an image that is not signed fails with what was looked for and where, in the result and in the log', async () => {
  await pushImage(registry, 'unsigned', 'v1', index);
  const { result, log } = await stage('unsigned', policy);
  expect(result).toMatchObject({ outcome: 'failed', error: { phase: 'policy', code: 'SIGNATURE_MISSING' } });
  const message = result.outcome === 'failed' ? result.error.message : '';
  for (const { digest } of [index.manifest, image.manifest]) {
    const hex = digest.slice(7);
    for (const text of [message, log]) {
      expect(text).toContain(`tag sha256-${hex}.sig: nothing`);
      expect(text).toContain(`tag sha256-${hex} (the registry has no /v2/unsigned/referrers/${digest}): nothing`);
    }
    expect(log).toContain(`asking ${registry.address} for referrers of unsigned@${digest}`);
  }
  expect(log).toContain('the organization asks for a signature by the key "release"');
  expect(log).toContain(`ERR Staging failed: ${message}`);
  expect((await stage('unsigned', undefined)).result).toMatchObject({ outcome: 'staged' });
});

test('an image signed with another key fails, and says of each signature why', async () => {
  await pushImage(registry, 'foreign', 'v1', image);
  const { digest } = image.manifest;
  const signatures = [
    simpleSignature(signingKeys(), { digest }),
    simpleSignature(keys, { digest: digestOf('another image') }),
  ];
  await pushSignatureTag(registry, 'foreign', digest, signatures);
  const { result, log } = await stage('foreign', policy);
  expect(result).toMatchObject({ outcome: 'failed', error: { phase: 'policy', code: 'SIGNATURE_NOT_ACCEPTED' } });
  expect(log).toContain('number 1: not accepted: it was not made with a trusted key, or its payload was changed');
  expect(log).toContain(`number 2: not accepted: key "release" made it, but it signs ${digestOf('another image')}`);
});

test.each(['tag', 'referrer'] as const)('an image signed at a %s is staged with the proof', async (where) => {
  const name = `signed-${where}`;
  await pushImage(registry, name, 'v1', index);
  const { digest } = index.manifest;
  if (where === 'tag') await pushSignatureTag(registry, name, digest, [simpleSignature(keys, { digest })]);
  else await pushSignatureReferrers(registry, name, index.manifest, [statementBundle(keys, digest)]);
  const { result, log } = await stage(name, policy);
  expect(result).toMatchObject({
    outcome: 'staged',
    image: {
      manifestDigest: image.manifest.digest,
      signatures: {
        manifest: image.manifest.bytes.toString('base64'),
        index: index.manifest.bytes.toString('base64'),
        proofs: [{ keyName: 'release', digest, format: where === 'tag' ? 'simple-signing' : 'dsse' }],
      },
    },
  });
  expect(log).toMatch(/number 1: accepted, key "release" \(sha256:[0-9a-f]{64}\) signs sha256:/);
  const without = await stage(name, undefined);
  expect(without.result.outcome === 'staged' && without.result.image.signatures).toBeUndefined();
  expect(without.log).not.toContain('signature');
});

test('a key of the policy that cannot be used is named', async () => {
  const { result } = await stage('unsigned', { ...policy, keys: [{ name: 'broken', publicKey: 'x' }] });
  expect(result).toMatchObject({ outcome: 'failed', error: { phase: 'policy', code: 'SIGNATURE_KEY_INVALID' } });
});
