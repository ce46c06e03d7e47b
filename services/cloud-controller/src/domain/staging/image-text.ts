import type { ResolvedImage } from '@slipway/contracts';

/** The image of a droplet as users see it: their reference, and the digest that all instances run. */
export function dropletImageText(image: Pick<ResolvedImage, 'reference' | 'manifestDigest' | 'indexDigest'>): string {
  const withoutDigest = image.reference.split('@')[0] ?? image.reference;
  return `${withoutDigest}@${image.manifestDigest}`;
}
