import type { Access, Caller } from '../../domain/access.ts';
import { LogCacheError } from '../../errors.ts';

const TIMEOUT_MS = 5_000;
/** Who lost a role reads on for so long; a follower asks four times a second. */
const ALLOWED_MS = 30_000;
/** Short, for who was just given a role should not wait. */
const DENIED_MS = 2_000;
const MAX_CACHED = 20_000;

interface Cached {
  readonly access: Access;
  readonly until: number;
}

/** Asks cloud-controller, with the caller's own token, whether it may read a source's logs. Remembers answers shortly. */
export class LogAccess {
  readonly #url: string;
  readonly #now: () => number;
  /** In order of insertion, oldest first. */
  readonly #cache = new Map<string, Cached>();
  readonly #asking = new Map<string, Promise<Access>>();

  constructor(cloudControllerUrl: string, now: () => number = Date.now) {
    this.#url = cloudControllerUrl.replace(/\/+$/, '');
    this.#now = now;
  }

  async check(sourceId: string, caller: Caller): Promise<Access> {
    const key = `${caller.tokenId} ${sourceId}`;
    const cached = this.#cache.get(key);
    if (cached !== undefined && cached.until > this.#now()) return cached.access;
    let asking = this.#asking.get(key);
    if (asking === undefined) {
      asking = this.#ask(sourceId, caller).finally(() => this.#asking.delete(key));
      this.#asking.set(key, asking);
    }
    const access = await asking;
    this.#remember(key, access);
    return access;
  }

  #remember(key: string, access: Access): void {
    this.#cache.delete(key);
    if (access.outcome === 'unknown') return;
    const until = this.#now() + (access.outcome === 'allowed' ? ALLOWED_MS : DENIED_MS);
    this.#cache.set(key, { access, until });
    const oldest = this.#cache.keys().next().value;
    if (this.#cache.size > MAX_CACHED && oldest !== undefined) this.#cache.delete(oldest);
  }

  async #ask(sourceId: string, caller: Caller): Promise<Access> {
    const url = `${this.#url}/internal/v4/log_access/${encodeURIComponent(sourceId)}`;
    try {
      const response = await fetch(url, {
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
        headers: { authorization: `bearer ${caller.token}` },
      });
      await response.body?.cancel();
      if (response.status === 200) return { outcome: 'allowed' };
      if ([401, 403, 404].includes(response.status)) return { outcome: 'denied' };
      throw new Error(`${url} answered ${response.status}`);
    } catch (cause) {
      const message = 'cannot ask cloud-controller for log access';
      return { outcome: 'unknown', cause: new LogCacheError('LOG_ACCESS_UNAVAILABLE', message, { cause }) };
    }
  }
}
