import type { ResolvedImage } from '@slipway/contracts';
import { buildImage, buildLayer, type SigningKeys, simpleSignature } from '@slipway/testing';

/** An image that a stager found signatures of, by these keys. */
export function signedImage(
  ...signers: readonly { readonly name: string; readonly keys: SigningKeys }[]
): ResolvedImage {
  const layer = buildLayer([{ name: 'a', content: 'a' }]);
  const { manifest, config } = buildImage({ layers: [layer] });
  const { layers } = JSON.parse(manifest.bytes.toString()) as { layers: { mediaType: string }[] };
  return {
    reference: 'registry.test:5000/team/app:1',
    registry: 'registry.test:5000',
    repository: 'team/app',
    manifestDigest: manifest.digest,
    mediaType: manifest.mediaType,
    platform: { os: 'linux', architecture: 'amd64' },
    config: { digest: config.digest, size: config.size },
    layers: [{ digest: layer.digest, diffId: layer.diffId, size: layer.size, mediaType: layers[0]?.mediaType ?? '' }],
    signatures: {
      manifest: manifest.bytes.toString('base64'),
      proofs: signers.map(({ name, keys }) => {
        const { blob, annotations } = simpleSignature(keys, { digest: manifest.digest });
        return {
          format: 'simple-signing',
          keyName: name,
          digest: manifest.digest,
          payload: blob.bytes.toString('base64'),
          signature: annotations['dev.cosignproject.cosign/signature'] ?? '',
          foundAt: `tag ${manifest.digest.replace(':', '-')}.sig, number 1`,
        };
      }),
    },
  };
}
