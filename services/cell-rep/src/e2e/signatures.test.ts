// @module-tag root
import { randomUUID } from 'node:crypto';
import type { DesiredLrp } from '@slipway/contracts';
import { digestOf } from '@slipway/oci';
import { type BuiltImage, lrpOfImage, pushImage, sampleImage, signingKeys, simpleSignature } from '@slipway/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestCell } from './cell.test-support.ts';
import { fetchFrom } from './host.test-support.ts';

const patient = { timeout: 30_000 };
const keys = signingKeys();
const signaturePolicy = { keys: [{ name: 'release', publicKey: keys.publicKey }], matchRepository: false };

let cell: TestCell;
let image: BuiltImage;
beforeAll(async () => {
  cell = await TestCell.create();
  await cell.startRep();
  image = await sampleImage();
});
afterAll(() => cell.dispose());

/** An app of an organization with a policy, whose droplet was staged with a signature by `by`; with changes. */
async function signedLrp(by = keys, change: (image: DesiredLrp['image']) => object = () => ({})): Promise<DesiredLrp> {
  const repository = `signed-${randomUUID()}`;
  await pushImage(cell.registry, repository, 'latest', image);
  const lrp = lrpOfImage(image, { registry: cell.registry.address, repository });
  const { digest } = image.manifest;
  const { blob, annotations } = simpleSignature(by, { digest });
  const signatures = {
    manifest: image.manifest.bytes.toString('base64'),
    proofs: [
      {
        format: 'simple-signing' as const,
        keyName: 'release',
        digest,
        payload: blob.bytes.toString('base64'),
        signature: annotations['dev.cosignproject.cosign/signature'] ?? '',
        foundAt: 'tag sha256-x.sig, number 1',
      },
    ],
  };
  const signed = { ...lrp.image, signatures, signaturePolicy };
  return { ...lrp, image: { ...signed, ...change(signed) } };
}

async function crashOf(lrp: DesiredLrp): Promise<string> {
  await cell.desire(lrp);
  const { instanceGuid } = await cell.place(lrp);
  const { crash } = await cell.untilState(instanceGuid, 'CRASHED');
  await cell.unplace(instanceGuid);
  await cell.untilGone(instanceGuid);
  expect(crash?.phase).toBe('pull');
  await expect.poll(() => cell.linesOf(lrp).join('\n'), patient).toContain('failed to create container for instance');
  return crash?.reason ?? '';
}

test('an image without a signature that counts is not even downloaded, and the app is told to be staged again', async () => {
  const again =
    /failed to create container: the image sha256:[0-9a-f]{64} has no signature by the key "release".*cf restage/;
  const noLonger = () => ({ signatures: undefined });
  expect(await crashOf(await signedLrp(keys, noLonger))).toMatch(again);
  expect(await crashOf(await signedLrp(keys, noLonger))).toContain('it was staged without a signature');
  expect(await crashOf(await signedLrp(signingKeys()))).toMatch(again);
  const tampered = await signedLrp(keys, ({ layers }) => ({
    layers: layers.map((layer) => ({ ...layer, digest: digestOf('another layer') })),
  }));
  expect(await crashOf(tampered)).toContain('its layers are not those of the signed manifest');
  const repinned = await signedLrp(keys, () => ({ manifestDigest: digestOf('another image') }));
  expect(await crashOf(repinned)).toContain('the manifest that was kept with its signatures is another one');
  expect(cell.registry.requests.filter((request) => /^GET \S+\/blobs\//.test(request))).toEqual([]);
});

test('an image that a trusted key signed runs, with no registry asked for a signature', async () => {
  const lrp = await signedLrp();
  const before = cell.registry.requests.length;
  const instance = await cell.run(lrp);
  expect((await fetchFrom(instance)).status).toBe(200);
  const said = `checked that key "release" signed ${image.manifest.digest} for instance ${instance.instanceGuid}`;
  await expect.poll(() => cell.linesOf(lrp).join('\n'), patient).toContain(said);
  const asked = cell.registry.requests.slice(before).filter((request) => !request.includes('/blobs/'));
  expect(asked.filter((request) => request.includes('/manifests/') || request.includes('/referrers/'))).toEqual([]);
  await cell.unplace(instance.instanceGuid);
  await cell.untilGone(instance.instanceGuid);
});
