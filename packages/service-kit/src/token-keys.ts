import { createLocalJWKSet, errors, type FlattenedJWSInput, type JSONWebKeySet, type JWSHeaderParameters } from 'jose';
import { z } from 'zod';
import { CodedError, kitErrors } from './errors.ts';
import type { Logger } from './logger.ts';

const FETCH_TIMEOUT_MS = 5_000;
/** A key that is unknown makes us ask, but strangers with made-up key ids must not make us ask without end. */
const COOLDOWN_MS = 1_000;
/** By then a key that was taken away is forgotten. */
const REFRESH_MS = 10 * 60_000;
const MAX_BODY_BYTES = 256 * 1024;

const keySetSchema = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string() })) });

type KeyFinder = ReturnType<typeof createLocalJWKSet>;

/**
 * uaa's public keys (`/token_keys`, a JWK set). Fetched when first needed, when a token names an unknown key, and now
 * and then; while uaa is away the keys that are known go on.
 */
export class TokenKeys {
  readonly #url: string;
  readonly #logger: Logger;
  readonly #now: () => number;
  #find: KeyFinder | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | undefined;

  /** `now` in milliseconds. */
  constructor(uaaUrl: string, logger: Logger, now: () => number = Date.now) {
    this.#url = `${uaaUrl.replace(/\/+$/, '')}/token_keys`;
    this.#logger = logger;
    this.#now = now;
  }

  /** The key that the token names; for jose. Throws jose's JWKSNoMatchingKey, or CodedError TOKEN_KEYS_UNAVAILABLE. */
  readonly get = async (header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> => {
    if (this.#find === undefined) await this.#fetch();
    else if (this.#now() - this.#fetchedAt > REFRESH_MS && this.#mayAsk()) {
      this.#fetch().catch((error: unknown) => this.#logger.warn({ err: error }, 'token-keys.refresh-failed'));
    }
    try {
      return await this.#finder()(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || !this.#mayAsk()) throw error;
      await this.#fetch();
      return this.#finder()(header, token);
    }
  };

  #finder(): KeyFinder {
    if (this.#find === undefined) throw unavailable('no token keys yet');
    return this.#find;
  }

  #mayAsk(): boolean {
    return this.#now() - this.#askedAt >= COOLDOWN_MS;
  }

  /** Those who ask at the same time share one request. */
  #fetch(): Promise<void> {
    this.#fetching ??= this.#request().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #request(): Promise<void> {
    this.#askedAt = this.#now();
    try {
      const response = await fetch(this.#url, {
        redirect: 'error',
        signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
        headers: { accept: 'application/json' },
      });
      const body = await response.text();
      if (!response.ok) throw new Error(`${this.#url} answered ${response.status}`);
      if (body.length > MAX_BODY_BYTES) throw new Error(`${this.#url} answered with ${body.length} bytes`);
      const keySet = keySetSchema.parse(JSON.parse(body));
      this.#find = createLocalJWKSet(keySet as JSONWebKeySet);
      this.#fetchedAt = this.#now();
    } catch (cause) {
      throw unavailable('cannot get the token keys', cause);
    }
  }
}

function unavailable(message: string, cause?: unknown): CodedError {
  return new CodedError('TOKEN_KEYS_UNAVAILABLE', kitErrors.TOKEN_KEYS_UNAVAILABLE.kind, message, { cause });
}
