import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import type { Secret } from '@slipway/service-kit';
import { innerError } from '../errors.ts';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID_BYTES = 6;
const MARK_BYTES = 16;

/**
 * Secrets at rest: AES-256-GCM with a fresh nonce, as `v2.<id of the key>.<nonce, tag, ciphertext>`. `purpose` names the
 * column and the row that a secret belongs to; it is authenticated, so that nobody who can write to the database can
 * move one secret into another's place.
 */
export class Vault {
  readonly #key: Secret<Buffer>;
  /** By id. */
  readonly #keys: ReadonlyMap<string, Secret<Buffer>>;
  /** What everything begins with that is sealed with the present key. */
  readonly prefix: string;

  /** `older` only open what was sealed with them. */
  constructor(key: Secret<Buffer>, older: readonly Secret<Buffer>[] = []) {
    this.#key = key;
    this.#keys = new Map([...older, key].map((each) => [keyId(each), each]));
    this.prefix = `v2.${keyId(key)}.`;
  }

  encrypt(plaintext: string, purpose: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key.reveal(), nonce).setAAD(Buffer.from(purpose));
    const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
    return this.prefix + Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]).toString('base64url');
  }

  /** Throws CodedError VAULT_CANNOT_OPEN when no key opens it, or it was sealed for another purpose. */
  decrypt(sealed: string, purpose: string): string {
    try {
      const { keys, payload } = this.#parse(sealed);
      const bytes = Buffer.from(payload, 'base64url');
      if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new Error('too short');
      const failures: unknown[] = [];
      for (const key of keys) {
        try {
          return open(key, bytes, purpose);
        } catch (error) {
          failures.push(error);
        }
      }
      throw new AggregateError(failures, 'no key opens it');
    } catch (cause) {
      throw innerError('VAULT_CANNOT_OPEN', `cannot decrypt ${purpose}: is ENCRYPTION_KEY another one?`, cause);
    }
  }

  /** The same for the same text and the present key; without that it says nothing about the text. */
  mark(text: string, purpose: string): string {
    const hmac = createHmac('sha256', this.#key.reveal()).update(`slipway vault mark\0${purpose}\0`).update(text);
    return hmac.digest().toString('base64url', 0, MARK_BYTES);
  }

  /** The first version, `v1.<payload>`, did not name its key. */
  #parse(sealed: string): { readonly keys: readonly Secret<Buffer>[]; readonly payload: string } {
    const [version, ...rest] = sealed.split('.');
    const [first, second] = rest;
    if (version === 'v1' && rest.length === 1) return { keys: [...this.#keys.values()], payload: first ?? '' };
    if (version !== 'v2' || rest.length !== 2) throw new Error('not sealed by a vault');
    const key = this.#keys.get(first ?? '');
    if (key === undefined) throw new Error(`sealed with a key that is not here: ${first}`);
    return { keys: [key], payload: second ?? '' };
  }
}

/** Says which key it is and nothing about it. Hexadecimal: it stands in patterns of LIKE. */
function keyId(key: Secret<Buffer>): string {
  return createHmac('sha256', key.reveal()).update('slipway vault key id').digest().toString('hex', 0, KEY_ID_BYTES);
}

function open(key: Secret<Buffer>, bytes: Buffer, purpose: string): string {
  const decipher = createDecipheriv('aes-256-gcm', key.reveal(), bytes.subarray(0, NONCE_BYTES));
  decipher.setAAD(Buffer.from(purpose)).setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString();
}
