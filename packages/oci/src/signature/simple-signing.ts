import { z } from 'zod';
import { digestSchema } from '../descriptor.ts';
import type { Digest } from '../digest.ts';
import { OciError } from '../errors.ts';
import { checkShape, parseJsonObject } from '../json-document.ts';

/** What cosign signs of an image (sigstore `pkg/signature/payload`, after containers/image's "simple signing"). */
export interface SimpleSigning {
  readonly digest: Digest;
  /** The repository that the signer named, without a tag. */
  readonly dockerReference: string;
}

const TYPE = 'cosign container image signature';

const schema = z.object({
  critical: z.strictObject({
    identity: z.strictObject({ 'docker-reference': z.string().max(1024) }),
    image: z.strictObject({ 'docker-manifest-digest': digestSchema }),
    type: z.string().max(255),
  }),
});

/**
 * Reads the payload of a signature. What is not known within `critical` is refused, for that is what the word means;
 * `optional` is the signer's own.
 *
 * @throws OciError DOCUMENT_MALFORMED
 */
export function parseSimpleSigning(bytes: Uint8Array): SimpleSigning {
  const what = 'signature payload';
  const { critical } = checkShape(schema, parseJsonObject(bytes, what), what);
  if (critical.type !== TYPE) {
    throw new OciError(
      'DOCUMENT_MALFORMED',
      `the ${what} has the type ${JSON.stringify(critical.type)}; ${JSON.stringify(TYPE)} is needed`,
    );
  }
  return {
    digest: critical.image['docker-manifest-digest'],
    dockerReference: critical.identity['docker-reference'],
  };
}
