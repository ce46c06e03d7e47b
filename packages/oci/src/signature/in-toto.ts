import { z } from 'zod';
import { type Digest, isDigest } from '../digest.ts';
import { OciError } from '../errors.ts';
import { checkShape, parseJsonObject } from '../json-document.ts';
import { MAX_SUBJECTS } from './limits.ts';

/** The only payload type of an envelope that is read. */
export const IN_TOTO_PAYLOAD_TYPE = 'application/vnd.in-toto+json';

/**
 * The predicate of a statement that means "I sign this image" (cosign v3, `cosign sign`). Any other, such as an SBOM or
 * a vulnerability report, is signed with the same keys and says nothing in favour of the image.
 */
export const SIGN_PREDICATE = 'https://sigstore.dev/cosign/sign/v1';

const STATEMENTS: ReadonlySet<string> = new Set([
  'https://in-toto.io/Statement/v1',
  'https://in-toto.io/Statement/v0.1',
]);

const schema = z.object({
  _type: z.string().max(255),
  predicateType: z.string().max(1024),
  subject: z
    .array(z.object({ name: z.string().max(1024).optional(), digest: z.record(z.string(), z.string().max(256)) }))
    .max(MAX_SUBJECTS),
});

export interface StatementSubject {
  readonly digest: Digest;
  /** Cosign gives none. */
  readonly name?: string;
}

/** What is signed, of a statement that signs images. @throws OciError DOCUMENT_MALFORMED */
export function parseSignStatement(bytes: Uint8Array): readonly StatementSubject[] {
  const what = 'signed statement';
  const { _type: type, predicateType, subject } = checkShape(schema, parseJsonObject(bytes, what), what);
  if (!STATEMENTS.has(type)) {
    throw new OciError('DOCUMENT_MALFORMED', `the ${what} is of type ${JSON.stringify(type)}, which is not in-toto's`);
  }
  if (predicateType !== SIGN_PREDICATE) {
    throw new OciError(
      'DOCUMENT_MALFORMED',
      `the ${what} is ${JSON.stringify(predicateType)}, which does not sign an image (${SIGN_PREDICATE})`,
    );
  }
  return subject.flatMap(({ name, digest }) => {
    const sha256 = `sha256:${digest.sha256}`;
    return isDigest(sha256) ? [{ digest: sha256, ...(name === undefined ? {} : { name }) }] : [];
  });
}

/** What a DSSE signature is of: the type and the payload, each with its length (DSSE protocol, "PAE"). */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType, 'utf8');
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} `), type, Buffer.from(` ${payload.length} `), payload]);
}
