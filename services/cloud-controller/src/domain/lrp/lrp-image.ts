import type { DesiredLrp, ResolvedImage, SignaturePolicy } from '@slipway/contracts';

/** What the cells need to know of an image; the proofs of its signatures only where they shall check them. */
export function lrpImage(
  { signatures, ...image }: ResolvedImage,
  credentials: string | undefined,
  signaturePolicy: SignaturePolicy | undefined,
): DesiredLrp['image'] {
  return {
    ...image,
    ...(credentials === undefined ? {} : { credentials }),
    ...(signaturePolicy === undefined ? {} : { signaturePolicy }),
    ...(signaturePolicy === undefined || signatures === undefined ? {} : { signatures }),
  };
}
