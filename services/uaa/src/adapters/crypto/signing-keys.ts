import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

const MODULUS_BITS = 2_048;
const KID_BYTES = 6;

const generateKeyPairAsync = promisify(generateKeyPair);

export interface NewSigningKey {
  readonly kid: string;
  /** JWK as JSON. */
  readonly publicKey: string;
  /** PKCS #8 in PEM. */
  readonly privateKey: string;
}

/** A new RS256 key. */
export async function generateSigningKey(): Promise<NewSigningKey> {
  const { publicKey, privateKey } = await generateKeyPairAsync('rsa', { modulusLength: MODULUS_BITS });
  return {
    kid: `key-${randomBytes(KID_BYTES).toString('hex')}`,
    publicKey: JSON.stringify(publicKey.export({ format: 'jwk' })),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

export function importPrivateKey(pem: string): KeyObject {
  return createPrivateKey(pem);
}

/** One of `/token_keys`: a JWK, and in `value` the same key in PEM, which older clients read. */
export interface PublishedKey {
  readonly kty: string;
  readonly e: string;
  readonly use: 'sig';
  readonly kid: string;
  readonly alg: 'RS256';
  readonly value: string;
  readonly n: string;
}

export function publishedKey(kid: string, jwk: string): { readonly key: KeyObject; readonly published: PublishedKey } {
  const key = createPublicKey({ key: JSON.parse(jwk), format: 'jwk' });
  const { kty = '', e = '', n = '' } = key.export({ format: 'jwk' });
  const value = key.export({ type: 'spki', format: 'pem' }).toString().trimEnd();
  return { key, published: { kty, e, use: 'sig', kid, alg: 'RS256', value, n } };
}
