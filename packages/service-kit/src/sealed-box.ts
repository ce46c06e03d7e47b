import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { CodedError, kitErrors } from './errors.ts';

/*
 * A sealed box: X25519 with an ephemeral key, HKDF-SHA256 over both public keys, AES-256-GCM. Only the holder of the
 * private key opens it; the sender cannot. Layout: ephemeral public key (32) | nonce (12) | tag (16) | ciphertext.
 */
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export interface SealingKeys {
  /** base64url of the raw 32 bytes; may be published. */
  readonly publicKey: string;
  /** base64url of the raw 32 bytes. */
  readonly privateKey: string;
}

export function generateSealingKeys(): SealingKeys {
  const { privateKey } = generateKeyPairSync('x25519');
  const jwk = privateKey.export({ format: 'jwk' });
  return { publicKey: jwk.x ?? '', privateKey: jwk.d ?? '' };
}

/** Seals text for the holder of `publicKey`. Throws when the key is malformed. */
export function seal(plaintext: string, publicKey: string): string {
  const ephemeral = generateKeyPairSync('x25519');
  const ephemeralPublic = Buffer.from(ephemeral.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const shared = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: importPublic(publicKey) });
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', boxKey(shared, ephemeralPublic, publicKey), nonce);
  const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
  return Buffer.concat([ephemeralPublic, nonce, cipher.getAuthTag(), ciphertext]).toString('base64url');
}

/** Opens what `seal` made for the same keys. Throws CodedError SEAL_BROKEN when it was not, or was changed. */
export function unseal(sealed: string, keys: SealingKeys): string {
  const bytes = Buffer.from(sealed, 'base64url');
  const head = KEY_BYTES + NONCE_BYTES + TAG_BYTES;
  try {
    if (bytes.length < head) throw new Error(`expected at least ${head} bytes, got ${bytes.length}`);
    const ephemeralPublic = bytes.subarray(0, KEY_BYTES);
    const privateKey = createPrivateKey({
      key: { kty: 'OKP', crv: 'X25519', x: keys.publicKey, d: keys.privateKey },
      format: 'jwk',
    });
    const shared = diffieHellman({ privateKey, publicKey: importPublic(ephemeralPublic.toString('base64url')) });
    const nonce = bytes.subarray(KEY_BYTES, KEY_BYTES + NONCE_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', boxKey(shared, ephemeralPublic, keys.publicKey), nonce);
    decipher.setAuthTag(bytes.subarray(KEY_BYTES + NONCE_BYTES, head));
    return Buffer.concat([decipher.update(bytes.subarray(head)), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new CodedError(
      'SEAL_BROKEN',
      kitErrors.SEAL_BROKEN.kind,
      'cannot open sealed credentials: not made for this key, or changed',
      { cause },
    );
  }
}

/** Whether these are a key pair: what the one seals, the other opens. */
export function isSealingPair(keys: SealingKeys): boolean {
  try {
    return unseal(seal('test', keys.publicKey), keys) === 'test';
  } catch {
    // The one is no key at all, or they do not belong together.
    return false;
  }
}

function importPublic(x: string): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' });
}

function boxKey(shared: Buffer, ephemeralPublic: Buffer, recipient: string): Buffer {
  const salt = Buffer.concat([ephemeralPublic, Buffer.from(recipient, 'base64url')]);
  return Buffer.from(hkdfSync('sha256', shared, salt, 'slipway sealed box v1', 32));
}
