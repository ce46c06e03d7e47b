import type { KeyObject } from 'node:crypto';
import type { Logger } from '@slipway/service-kit';
import type { AtRest } from '../adapters/crypto/at-rest.ts';
import {
  generateSigningKey,
  importPrivateKey,
  type PublishedKey,
  publishedKey,
} from '../adapters/crypto/signing-keys.ts';
import type { SigningKeyStore, StoredKey } from '../adapters/sql/signing-key-store.ts';
import { type KeyTimes, planRotation, servedKeys, signingKey } from '../domain/key-schedule.ts';
import { UaaError } from '../errors.ts';

interface LoadedKey extends KeyTimes {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly published: PublishedKey;
}

export interface KeyRingDependencies {
  readonly store: SigningKeyStore;
  readonly atRest: AtRest;
  readonly now: () => number;
  readonly logger: Logger;
  /** Of the longest-lived token that a key signs. */
  readonly tokenLifetimeMs: number;
}

const purpose = (kid: string): string => `signing key ${kid}`;

/** The signing keys in memory. The database has them; `load` brings what another process added. */
export class KeyRing {
  readonly #deps: KeyRingDependencies;
  #keys: readonly LoadedKey[] = [];

  constructor(dependencies: KeyRingDependencies) {
    this.#deps = dependencies;
  }

  /** Makes the first key when there is none. Throws UaaError ENCRYPTION_KEY_WRONG. */
  async load(): Promise<void> {
    const { store, now } = this.#deps;
    let stored = await store.list();
    if (signingKey(stored, now()) === undefined) {
      await this.#add(async (key) => {
        await store.insertFirst(key);
      }, now());
      stored = await store.list();
    }
    const known = new Map(this.#keys.map((key) => [key.kid, key]));
    this.#keys = stored.map((key) => this.#import(key, known.get(key.kid)));
  }

  /** Adds a key that signs from a minute on; the others are served until what they signed has expired. */
  async rotate(): Promise<{ readonly kid: string; readonly activatesAt: number }> {
    const { store, now, tokenLifetimeMs } = this.#deps;
    const { activatesAt, othersExpireAt } = planRotation(now(), tokenLifetimeMs);
    const kid = await this.#add((key) => store.rotate(key, othersExpireAt), activatesAt);
    await this.load();
    return { kid, activatesAt };
  }

  async deleteExpired(): Promise<void> {
    await this.#deps.store.deleteExpired(this.#deps.now());
  }

  /** The key that signs now. */
  signer(): { readonly kid: string; readonly privateKey: KeyObject; readonly published: PublishedKey } {
    const key = signingKey(this.#keys, this.#deps.now());
    if (key === undefined) throw new UaaError('FAILED', 'no signing key is active');
    return key;
  }

  /** Newest first. */
  published(): PublishedKey[] {
    return servedKeys(this.#keys, this.#deps.now()).map((key) => key.published);
  }

  verifier(kid: string): KeyObject | undefined {
    return servedKeys(this.#keys, this.#deps.now()).find((key) => key.kid === kid)?.publicKey;
  }

  async #add(insert: (key: StoredKey) => Promise<void>, activatesAt: number): Promise<string> {
    const { atRest, logger } = this.#deps;
    const { kid, publicKey, privateKey } = await generateSigningKey();
    const encrypted = atRest.encrypt(privateKey, purpose(kid));
    await insert({ kid, publicKey, privateKey: encrypted, activatesAt, expiresAt: undefined });
    logger.info({ kid, activatesAt: new Date(activatesAt).toISOString() }, 'signing-key.created');
    return kid;
  }

  #import(stored: StoredKey, known: LoadedKey | undefined): LoadedKey {
    const { kid, activatesAt, expiresAt } = stored;
    if (known !== undefined) return { ...known, activatesAt, expiresAt };
    const { key: publicKey, published } = publishedKey(kid, stored.publicKey);
    const privateKey = importPrivateKey(this.#deps.atRest.decrypt(stored.privateKey, purpose(kid)));
    return { kid, activatesAt, expiresAt, privateKey, publicKey, published };
  }
}
