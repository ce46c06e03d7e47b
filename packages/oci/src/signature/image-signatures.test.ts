import { type BuiltIndex, signingKeys, simpleSignature } from '@slipway/testing';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { checkImageSignatures, type PinnedImage } from './image-signatures.ts';
import { policyOf, sampleImageOf, sampleIndexOf } from './signed-image.test-support.ts';

const keys = signingKeys();
const policy = policyOf(keys);

/** What a droplet keeps of an image whose index was signed. */
function droplet(index: BuiltIndex = sampleIndexOf('x')): PinnedImage & { readonly signatures: object } {
  const image = index.images[1];
  if (image === undefined) throw new Error('the sample has two images');
  const document = JSON.parse(image.manifest.bytes.toString()) as Pick<PinnedImage, 'config' | 'layers'>;
  const { digest } = index.manifest;
  const { blob, annotations } = simpleSignature(keys, { digest });
  return {
    registry: 'registry.test',
    repository: 'team/app',
    manifestDigest: image.manifest.digest,
    mediaType: image.manifest.mediaType,
    config: document.config,
    layers: document.layers,
    signatures: {
      manifest: image.manifest.bytes.toString('base64'),
      index: index.manifest.bytes.toString('base64'),
      proofs: [
        {
          format: 'simple-signing',
          keyName: 'release',
          digest,
          payload: blob.bytes.toString('base64'),
          signature: annotations['dev.cosignproject.cosign/signature'] ?? '',
          foundAt: 'tag x, number 1',
        },
      ],
    },
  };
}

const check = (image: PinnedImage) => () => checkImageSignatures(image, policy);
const good = droplet();
const signatures = good.signatures as NonNullable<PinnedImage['signatures']>;

test('a droplet whose index was signed is accepted', () => {
  expect(check(good)()).toMatchObject({ key: { name: 'key-1' }, proof: { keyName: 'release' } });
});

describe('a droplet is refused, and told to be staged again,', () => {
  const other = sampleImageOf('another image').manifest.bytes.toString('base64');
  const layer = { ...good.layers[0], digest: digestOf('malware') } as PinnedImage['layers'][number];

  test.each<[string, PinnedImage, string]>([
    ['without signatures', { ...good, signatures: undefined }, 'it was staged without a signature'],
    ['without proofs', { ...good, signatures: { ...signatures, proofs: [] } }, 'it was staged without a signature'],
    ['with another manifest', { ...good, signatures: { ...signatures, manifest: other } }, 'is another one'],
    ['with a manifest that is no base64', { ...good, signatures: { ...signatures, manifest: '?' } }, 'is another one'],
    ['with another pinned digest', { ...good, manifestDigest: digestOf('x') }, 'is another one'],
    ['with other layers', { ...good, layers: [layer, ...good.layers.slice(1)] }, 'its layers are not those'],
    ['with fewer layers', { ...good, layers: good.layers.slice(1) }, 'its layers are not those'],
    ['with more layers', { ...good, layers: [...good.layers, layer] }, 'its layers are not those'],
    ['with another config', { ...good, config: { ...good.config, size: 1 } }, 'its config is not that'],
    [
      'with an index that does not lead to it',
      { ...good, signatures: { ...signatures, index: sampleIndexOf('y').manifest.bytes.toString('base64') } },
      'does not lead to it',
    ],
    [
      'with the signature of an index that is not there',
      { ...good, signatures: { ...signatures, index: undefined } },
      'it signs sha256:',
    ],
  ])('%s', (_name, image, problem) => {
    expect(check(image)).toThrow(expect.objectContaining({ code: 'SIGNATURE_UNPROVEN', kind: 'forbidden' }));
    expect(check(image)).toThrow(problem);
    expect(check(image)).toThrow('cf restage');
  });
});

test('an index that is not even JSON is refused', () => {
  const index = Buffer.from('<index>').toString('base64');
  expect(check({ ...good, signatures: { ...signatures, index } })).toThrow(
    expect.objectContaining({ kind: 'invalid' }),
  );
});
