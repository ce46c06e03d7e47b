import type { Challenge } from './challenge.ts';
import { evictOldest } from './evict-oldest.ts';

/** An authorization, and how long it is good for as far as its giver says. */
export interface FetchedToken {
  readonly authorization: string;
  readonly lifeS: number | undefined;
  /** That led to it: the next one can be asked for before the registry refuses this one. */
  readonly challenge?: Challenge;
}

interface CachedToken {
  readonly authorization: string;
  readonly expiresAt: number;
  readonly challenge: Challenge | undefined;
}

/** A token server that says nothing of a token's life means this (distribution `spec/auth/token.md`). */
const DEFAULT_LIFE_S = 60;
/** No token is kept longer, whatever its server says. */
const MAX_LIFE_S = 3600;
/** A token must not expire on its way; of short lives a quarter is enough. */
const MARGIN_MS = 10_000;
const MAX_TOKENS = 1_000;

/** Authorizations by what they are good for. `now` is a clock in milliseconds. */
export class TokenCache {
  readonly #tokens = new Map<string, CachedToken>();
  readonly #pending = new Map<string, Promise<string>>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  get(key: string): string | undefined {
    const token = this.#tokens.get(key);
    return token !== undefined && token.expiresAt > this.#now() ? token.authorization : undefined;
  }

  /** The challenge that the last token answered, be it expired or not. */
  challenge(key: string): Challenge | undefined {
    return this.#tokens.get(key)?.challenge;
  }

  /** Forgets all about a key. */
  forget(key: string): void {
    this.#tokens.delete(key);
  }

  /** Forgets an authorization that was refused, unless another has taken its place by now. */
  drop(key: string, authorization: string): void {
    if (this.#tokens.get(key)?.authorization === authorization) {
      this.#tokens.delete(key);
    }
  }

  /**
   * The cached authorization, or the one that `fetch` brings; callers that want the same at the same time share one
   * request.
   */
  getOrFetch(key: string, fetch: () => Promise<FetchedToken>): Promise<string> {
    const known = this.get(key);
    if (known !== undefined) {
      return Promise.resolve(known);
    }
    const pending = this.#pending.get(key) ?? this.#fetch(key, fetch);
    this.#pending.set(key, pending);
    return pending;
  }

  async #fetch(key: string, fetch: () => Promise<FetchedToken>): Promise<string> {
    // Counted from before the request: the server's clock started somewhere during it.
    const asked = this.#now();
    try {
      const { authorization, lifeS, challenge } = await fetch();
      const lifeMs = Math.min(lifeS ?? DEFAULT_LIFE_S, MAX_LIFE_S) * 1000;
      const expiresAt = asked + lifeMs - Math.min(MARGIN_MS, lifeMs / 4);
      this.#tokens.delete(key);
      this.#tokens.set(key, { authorization, expiresAt, challenge });
      evictOldest(this.#tokens, MAX_TOKENS);
      return authorization;
    } finally {
      this.#pending.delete(key);
    }
  }
}
