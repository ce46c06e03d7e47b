import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { OciError } from '../errors.ts';
import { MAX_KEY_TEXT } from './limits.ts';

/** Kinds of keys that `cosign verify --key` takes, each with the one algorithm that cosign signs with by default. */
export type TrustedKeyType = 'ecdsa-p256' | 'rsa' | 'ed25519';

/** A public key whose signatures count. */
export interface TrustedKey {
  /** For people. */
  readonly name: string;
  readonly type: TrustedKeyType;
  /** `sha256:` and the hash of the key in DER (SubjectPublicKeyInfo): the same however the PEM is written. */
  readonly fingerprint: string;
  readonly key: KeyObject;
}

const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 8192;

/**
 * Reads a public key as `cosign generate-key-pair` and `openssl pkey -pubout` write it.
 *
 * @throws OciError SIGNATURE_KEY_INVALID, which says what was given instead
 */
export function parsePublicKey(name: string, pem: string): TrustedKey {
  if (pem.length > MAX_KEY_TEXT)
    throw invalid(name, `it has ${pem.length} characters; at most ${MAX_KEY_TEXT} are read`);
  const labels = [...pem.matchAll(/-----BEGIN ([A-Z0-9 ]{1,40})-----/g)].map((match) => match[1]);
  if (labels.length !== 1) {
    throw invalid(
      name,
      labels.length === 0 ? 'it is no PEM text' : `it has ${labels.length} PEM blocks; one is needed`,
    );
  }
  if (labels[0] !== 'PUBLIC KEY') throw invalid(name, `it is a PEM block "${labels[0]}"; "PUBLIC KEY" is needed`);
  let key: KeyObject;
  try {
    key = createPublicKey({ key: pem, format: 'pem', type: 'spki' });
  } catch (cause) {
    throw invalid(name, 'its PEM block "PUBLIC KEY" holds no public key', cause);
  }
  const der = key.export({ format: 'der', type: 'spki' });
  const fingerprint = `sha256:${createHash('sha256').update(der).digest('hex')}`;
  return { name, type: typeOf(name, key), fingerprint, key };
}

function typeOf(name: string, key: KeyObject): TrustedKeyType {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'ed25519') return type;
  if (type === 'ec') {
    if (details?.namedCurve === 'prime256v1') return 'ecdsa-p256';
    throw invalid(name, `it is an ECDSA key of the curve ${details?.namedCurve ?? 'unknown'}; P-256 is needed`);
  }
  if (type === 'rsa') {
    const bits = details?.modulusLength ?? 0;
    if (bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS) return type;
    throw invalid(name, `it is an RSA key of ${bits} bits; ${MIN_RSA_BITS} to ${MAX_RSA_BITS} are needed`);
  }
  throw invalid(name, `it is a key of type ${type ?? 'unknown'}; ECDSA P-256, RSA or Ed25519 is needed`);
}

/**
 * Whether the key made this signature of these bytes. ECDSA: DER over SHA-256; RSA: PKCS #1 v1.5 with SHA-256; Ed25519:
 * of the bytes themselves (sigstore `pkg/signature`, `LoadVerifier`).
 */
export function verifySignature({ type, key }: TrustedKey, data: Uint8Array, signature: Uint8Array): boolean {
  switch (type) {
    case 'ecdsa-p256':
      return verify('sha256', data, { key, dsaEncoding: 'der' }, signature);
    case 'rsa':
      return verify('sha256', data, key, signature);
    case 'ed25519':
      return verify(null, data, key, signature);
  }
}

function invalid(name: string, problem: string, cause?: unknown): OciError {
  return new OciError('SIGNATURE_KEY_INVALID', `the public key ${JSON.stringify(name)} cannot be used: ${problem}`, {
    cause,
    details: { key: name, problem },
  });
}
