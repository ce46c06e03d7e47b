import { z } from 'zod';
import { digestSchema } from './common.ts';

/** What an organization asks of images. Absent: nothing. */
export const signaturePolicySchema = z.object({
  /** One of them must have signed the image. */
  keys: z
    .array(
      z.object({
        name: z.string().min(1),
        /** PEM, `PUBLIC KEY`. */
        publicKey: z.string().min(1),
      }),
    )
    .min(1),
  /** A signature must name the repository that the image is pulled from. */
  matchRepository: z.boolean(),
});
export type SignaturePolicy = z.infer<typeof signaturePolicySchema>;

/** A signature as staging found it, with all that is needed to check it again without a registry. */
export const signatureProofSchema = z.object({
  format: z.enum(['simple-signing', 'dsse', 'message']),
  /** Whose it was at staging; a check tries the keys of its own policy. */
  keyName: z.string(),
  /** What is signed: the manifest, or the index that it was chosen from. */
  digest: digestSchema,
  /** What the signature is of; absent for `message`, which is of the manifest or index itself. */
  payload: z.base64().optional(),
  signature: z.base64(),
  /** In words, where it was found. */
  foundAt: z.string(),
});

/** What staging found in favour of an image. Writer: the stager. */
export const imageSignaturesSchema = z.object({
  /** The manifest: it ties the layers to its digest. */
  manifest: z.base64(),
  /** When a proof is of it. */
  index: z.base64().optional(),
  proofs: z.array(signatureProofSchema),
});
export type ImageSignatures = z.infer<typeof imageSignaturesSchema>;
