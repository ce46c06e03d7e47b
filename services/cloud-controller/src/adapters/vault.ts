import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Secret } from '@slipway/service-kit';
import { innerError } from '../errors.ts';

const VERSION = 'v1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Secrets at rest: AES-256-GCM with a fresh nonce. `purpose` names the column and the row that a secret belongs to; it is
 * authenticated, so that nobody who can write to the database can move one secret into another's place.
 */
export class Vault {
  readonly #key: Secret<Buffer>;

  constructor(key: Secret<Buffer>) {
    this.#key = key;
  }

  encrypt(plaintext: string, purpose: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key.reveal(), nonce).setAAD(Buffer.from(purpose));
    const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
    return `${VERSION}.${Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]).toString('base64url')}`;
  }

  /** Throws CodedError VAULT_CANNOT_OPEN when it was sealed with another key or for another purpose. */
  decrypt(sealed: string, purpose: string): string {
    try {
      const [version, text] = sealed.split('.');
      const bytes = Buffer.from(text ?? '', 'base64url');
      if (version !== VERSION || bytes.length < NONCE_BYTES + TAG_BYTES) throw new Error('not sealed by this vault');
      const nonce = bytes.subarray(0, NONCE_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', this.#key.reveal(), nonce).setAAD(Buffer.from(purpose));
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString();
    } catch (cause) {
      throw innerError('VAULT_CANNOT_OPEN', `cannot decrypt ${purpose}: is ENCRYPTION_KEY another one?`, cause);
    }
  }
}
