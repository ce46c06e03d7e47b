import { readFileSync } from 'node:fs';
import { pushBlob, pushManifest, type RegistryProcess, startRegistry } from '@slipway/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { parseReference } from '../reference.ts';
import { RegistryClient } from '../registry/registry-client.ts';
import { checkImageSignatures } from './image-signatures.ts';
import { pinned, policyOf, type Search, searchFor } from './signed-image.test-support.ts';

/** What cosign itself put into a registry, and the public keys that it made. */
interface Recordings {
  readonly madeBy: string;
  readonly keys: Readonly<Record<'ecdsa' | 'second' | 'rsa' | 'ed25519', string>>;
  readonly repositories: Readonly<
    Record<
      string,
      {
        readonly manifests: readonly { readonly selector: string; readonly mediaType: string; readonly text: string }[];
      }
    >
  >;
  readonly blobs: Readonly<Record<string, { readonly text?: string; readonly base64?: string }>>;
}

const recordings = JSON.parse(readFileSync(new URL('cosign-recordings.json', import.meta.url), 'utf8')) as Recordings;
const { keys } = recordings;

let registry: RegistryProcess;
let client: RegistryClient;
beforeAll(async () => {
  registry = await startRegistry();
  client = new RegistryClient();
  for (const [repository, { manifests }] of Object.entries(recordings.repositories)) {
    for (const { text, base64 } of Object.values(recordings.blobs)) {
      const bytes = base64 === undefined ? Buffer.from(text ?? '') : Buffer.from(base64, 'base64');
      await pushBlob(registry, repository, { digest: digestOf(bytes), bytes });
    }
    for (const { selector, mediaType, text } of manifests) {
      const bytes = Buffer.from(text);
      await pushManifest(registry, repository, selector, {
        mediaType,
        digest: digestOf(bytes),
        size: bytes.length,
        bytes,
      });
    }
  }
});
afterAll(async () => {
  await client.close();
  await registry.stop();
});

const find = (repository: string, key: keyof Recordings['keys']): Promise<Search> =>
  searchFor(client, parseReference(`${registry.address}/${repository}:v1`), policyOf({ publicKey: keys[key] }));

test.each([
  ['cosign sign', 'v2-tag', 'ecdsa', 'simple-signing'],
  ['cosign sign, of an index', 'v2-tag-of-index', 'ecdsa', 'simple-signing'],
  ['cosign sign --recursive', 'v2-recursive', 'ecdsa', 'simple-signing'],
  ['cosign sign -a', 'v2-annotated', 'ecdsa', 'simple-signing'],
  ['cosign sign, with two keys, of the first', 'v2-two-keys', 'ecdsa', 'simple-signing'],
  ['cosign sign, with two keys, of the second', 'v2-two-keys', 'second', 'simple-signing'],
  ['cosign sign, with an RSA key', 'v2-rsa', 'rsa', 'simple-signing'],
  ['cosign sign --registry-referrers-mode=oci-1-1', 'v2-referrer', 'ecdsa', 'simple-signing'],
  ['cosign sign --new-bundle-format', 'v2-bundle', 'ecdsa', 'dsse'],
  ['cosign 3 sign', 'v3-bundle', 'ecdsa', 'dsse'],
  ['cosign 3 sign, of an index', 'v3-bundle-of-index', 'ecdsa', 'dsse'],
] as const)('what %s makes is accepted, with a registry and without', async (_command, repository, key, format) => {
  const search = await find(repository, key);
  expect(search.error).toBeUndefined();
  expect(search.signatures?.proofs).toMatchObject([{ format }]);
  const reference = parseReference(`${registry.address}/${repository}:v1`);
  const policy = policyOf({ publicKey: keys[key] });
  expect(checkImageSignatures(pinned(reference, search), policy).proof.format).toBe(format);
});

test('what it made with another key is not', async () => {
  const { error } = await find('v2-tag', 'second');
  expect(error).toMatchObject({ code: 'SIGNATURE_NOT_ACCEPTED', details: { rejections: [{ code: 'wrong-key' }] } });
});

test('its attestations are not signatures', async () => {
  const { error } = await find('v3-attestation', 'ecdsa');
  expect(error?.details.rejections).toMatchObject([{ reason: expect.stringContaining('does not sign an image') }]);
});

test('its Ed25519 signatures are not accepted, for they are prehashed, and cosign verifies them no more than we do', async () => {
  const { error } = await find('v2-ed25519', 'ed25519');
  expect(error?.details.rejections).toMatchObject([{ code: 'wrong-key' }]);
});
