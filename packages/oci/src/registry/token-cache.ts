import { evictOldest } from './evict-oldest.ts';

interface CachedToken {
  readonly authorization: string;
  readonly expiresAt: number;
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
    if (token !== undefined && token.expiresAt <= this.#now()) {
      this.#tokens.delete(key);
      return undefined;
    }
    return token?.authorization;
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
  getOrFetch(
    key: string,
    fetch: () => Promise<{ readonly authorization: string; readonly lifeS: number | undefined }>,
  ): Promise<string> {
    const known = this.get(key);
    if (known !== undefined) {
      return Promise.resolve(known);
    }
    const pending = this.#pending.get(key) ?? this.#fetch(key, fetch);
    this.#pending.set(key, pending);
    return pending;
  }

  async #fetch(
    key: string,
    fetch: () => Promise<{ readonly authorization: string; readonly lifeS: number | undefined }>,
  ): Promise<string> {
    // Counted from before the request: the server's clock started somewhere during it.
    const asked = this.#now();
    try {
      const { authorization, lifeS } = await fetch();
      const lifeMs = Math.min(lifeS ?? DEFAULT_LIFE_S, MAX_LIFE_S) * 1000;
      this.#tokens.set(key, { authorization, expiresAt: asked + lifeMs - Math.min(MARGIN_MS, lifeMs / 4) });
      evictOldest(this.#tokens, MAX_TOKENS);
      return authorization;
    } finally {
      this.#pending.delete(key);
    }
  }
}
