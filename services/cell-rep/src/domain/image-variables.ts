import type { DesiredLrp } from '@slipway/contracts';

/** Which image it is that runs, as the app itself can tell: the digests that staging froze, whatever the tag names now. */
export function imageVariables({
  image,
}: {
  readonly image: Pick<DesiredLrp['image'], 'reference' | 'manifestDigest' | 'indexDigest'>;
}): Record<string, string> {
  const { reference, manifestDigest, indexDigest } = image;
  return {
    SLIPWAY_IMAGE: `${reference.split('@')[0]}@${manifestDigest}`,
    SLIPWAY_IMAGE_DIGEST: manifestDigest,
    ...(indexDigest === undefined ? {} : { SLIPWAY_IMAGE_INDEX_DIGEST: indexDigest }),
  };
}
