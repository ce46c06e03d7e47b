import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Secret } from '@slipway/service-kit';
import { UaaError } from '../../errors.ts';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Names the layout nonce | tag | ciphertext, so that another one can follow. */
const PREFIX = 'v1.';

/** Encrypts what lies in the database: AES-256-GCM, bound to what it is for, so that nothing can be put elsewhere. */
export class AtRest {
  readonly #key: Secret<Buffer>;

  /** `key`: 32 bytes. */
  constructor(key: Secret<Buffer>) {
    this.#key = key;
  }

  encrypt(plaintext: string, purpose: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#key.reveal(), nonce).setAAD(Buffer.from(purpose));
    const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
    return PREFIX + Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]).toString('base64url');
  }

  /** Throws UaaError ENCRYPTION_KEY_WRONG. */
  decrypt(encrypted: string, purpose: string): string {
    try {
      if (!encrypted.startsWith(PREFIX)) throw new Error('not in the format v1');
      const bytes = Buffer.from(encrypted.slice(PREFIX.length), 'base64url');
      const decipher = createDecipheriv(ALGORITHM, this.#key.reveal(), bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(Buffer.from(purpose));
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      const head = NONCE_BYTES + TAG_BYTES;
      return Buffer.concat([decipher.update(bytes.subarray(head)), decipher.final()]).toString('utf8');
    } catch (cause) {
      throw new UaaError('ENCRYPTION_KEY_WRONG', `cannot decrypt ${purpose}`, { cause });
    }
  }
}
