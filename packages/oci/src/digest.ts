import { createHash } from 'node:crypto';
import { OciError } from './errors.ts';

declare const digestBrand: unique symbol;

/**
 * A content address, `sha256:` and 64 lower-case hex digits (OCI image-spec `descriptor.md`). Only `parseDigest` and
 * `digestOf` make one, so a value of this type is safe in a path or a URL (CVE-2024-3727).
 */
export type Digest = string & { readonly [digestBrand]: true };

const PATTERN = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: string): text is Digest {
  return PATTERN.test(text);
}

/** @throws OciError DIGEST_INVALID */
export function parseDigest(text: string): Digest {
  if (!isDigest(text)) {
    throw new OciError(
      'DIGEST_INVALID',
      `invalid digest ${JSON.stringify(text.slice(0, 200))}: expected "sha256:" and 64 lower-case hex digits`,
    );
  }
  return text;
}

/** The digest of these bytes. */
export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
}

/** The 64 hex digits, for file names. */
export function digestHex(digest: Digest): string {
  return digest.slice('sha256:'.length);
}
