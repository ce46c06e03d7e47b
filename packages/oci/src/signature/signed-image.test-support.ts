import { type BuiltImage, type BuiltIndex, buildImage, buildIndex, buildLayer } from '@slipway/testing';
import type { OciError } from '../errors.ts';
import type { Reference } from '../reference.ts';
import type { RegistryClient } from '../registry/registry-client.ts';
import { type InspectedImage, inspectImage } from '../registry/resolve.ts';
import { findSignatures, type SignatureRejection } from './find-signatures.ts';
import type { ImageSignatures, PinnedImage, SignaturePolicy } from './image-signatures.ts';

const AMD64 = { os: 'linux', architecture: 'amd64' };

/** An image whose bytes depend on `seed`. */
export function sampleImageOf(seed: string, platform = AMD64): BuiltImage {
  return buildImage({
    platform,
    layers: [buildLayer([{ name: 'seed', content: seed }]), buildLayer([{ name: 'more', content: seed }], 'zstd')],
    config: { Entrypoint: ['/app'] },
  });
}

export function sampleIndexOf(seed: string): BuiltIndex {
  const other = sampleImageOf(`other ${seed}`, { os: 'linux', architecture: 's390x' });
  return buildIndex([other, sampleImageOf(seed)], { attestations: true });
}

export interface Search {
  readonly image: InspectedImage;
  readonly steps: readonly string[];
  readonly signatures?: ImageSignatures;
  readonly error?: OciError & { readonly details: { readonly rejections?: readonly SignatureRejection[] } };
}

/** Does what staging does: resolves the image and looks for its signatures. */
export async function searchFor(
  client: RegistryClient,
  reference: Reference,
  policy: SignaturePolicy,
  { signal, ...access }: { readonly signal?: AbortSignal; readonly freshSince?: number } = {},
): Promise<Search> {
  const steps: string[] = [];
  const onStep = (text: string): void => void steps.push(text);
  const repository = client.repository(reference, { onStep, ...access });
  const image = await inspectImage(repository, reference, { platform: AMD64 });
  const { registry, repository: name } = reference;
  try {
    const signatures = await findSignatures(repository, { image, registry, repository: name, policy, onStep, signal });
    return { image, steps, signatures };
  } catch (error) {
    signal?.throwIfAborted();
    return { image, steps, error: error as NonNullable<Search['error']> };
  }
}

/** What a droplet keeps of it. */
export function pinned({ registry, repository }: Reference, { image, signatures }: Search): PinnedImage {
  const { manifest, layers, manifestDigest } = image;
  return {
    registry,
    repository,
    manifestDigest,
    mediaType: manifest.mediaType,
    config: manifest.config,
    layers,
    signatures,
  };
}

export function policyOf(...keys: readonly { readonly publicKey: string }[]): SignaturePolicy {
  return { keys: keys.map(({ publicKey }, i) => ({ name: `key-${i + 1}`, publicKey })), matchRepository: false };
}
