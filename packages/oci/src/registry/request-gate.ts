import { untilAborted } from './deadline.ts';
import { evictOldest } from './evict-oldest.ts';
import type { RetryPolicy } from './limits.ts';
import { describeDuration } from './rate-limit.ts';
import { type Ask, RegistryError } from './registry-error.ts';
import { pauseAfter, wait } from './retry.ts';

/** Who wants to send a request. */
export interface GateCaller {
  readonly ask: Ask;
  readonly signal: AbortSignal | undefined;
  /** In milliseconds since 1970: no wait goes on beyond it. */
  readonly deadline: number | undefined;
  /** There is somebody else to ask: it does not wait. */
  readonly impatient?: boolean;
  /** Told in words when the request has to wait for others. */
  readonly onWait: (text: string) => void;
}

interface Closed {
  /** When one request may try again. */
  readonly until: number;
  /** When the registry said that it would answer again; later than `until` when it asked for more than is waited. */
  readonly wished: number;
  /** How often the registry has refused since it answered last. */
  readonly rounds: number;
  readonly since: number;
  readonly error: RegistryError;
  /** One of those who wait is trying. */
  readonly probing: boolean;
  /** Resolves when this state ends. */
  readonly over: PromiseWithResolvers<void>;
}

/**
 * Where requests to one registry wait together once it has refused one for being too many (429) or overloaded (503):
 * nobody asks before the pause is over, and then one asks alone; only when that is answered do the others follow, spread
 * a little. However many wait, the registry gets one request in each pause.
 */
export class RequestGate {
  readonly #policy: RetryPolicy;
  readonly #status: number;
  readonly #now: () => number;
  #closed: Closed | undefined;

  /** `status`: the answer that closes it. `now`: a clock in milliseconds that never goes back. */
  constructor(policy: RetryPolicy, status: number, now: () => number) {
    this.#policy = policy;
    this.#status = status;
    this.#now = now;
  }

  /** @throws RegistryError when it makes no sense to wait; the signal's reason */
  async run<T>(caller: GateCaller, attempt: () => Promise<T>): Promise<T> {
    const probe = await this.#enter(caller);
    try {
      const result = await attempt();
      if (probe) this.#become(undefined);
      return result;
    } catch (error) {
      if (error instanceof RegistryError && error.status === this.#status) this.#close(error, probe);
      else if (probe) this.#probeEnds(error);
      throw error;
    }
  }

  /** Waits until the request may be sent; true when it goes alone, to try. */
  async #enter(caller: GateCaller): Promise<boolean> {
    const entered = this.#closed?.rounds ?? 0;
    let waited = false;
    for (;;) {
      const closed = this.#closed;
      if (closed === undefined) {
        if (!waited) return false;
        waited = false;
        await wait(Math.random() * pauseAfter(this.#policy, entered + 1, undefined, 1), caller.signal);
        continue;
      }
      const waitMs = closed.until - this.#now();
      this.#refuseHopeless(caller, closed, entered, waitMs);
      if (waitMs <= 0 && !closed.probing) {
        this.#closed = { ...closed, probing: true };
        return true;
      }
      if (!waited) caller.onWait(`${caller.ask.registry} wants fewer requests: waiting with others that ask it`);
      waited = true;
      await (waitMs > 0 ? wait(waitMs, caller.signal) : untilAborted(closed.over.promise, caller.signal));
    }
  }

  #refuseHopeless({ ask, deadline, impatient }: GateCaller, closed: Closed, entered: number, waitMs: number): void {
    const wishMs = closed.wished - this.#now();
    const { attempts, maxRetryAfterMs } = this.#policy;
    const tooLong = (waitMs > 0 && wishMs > maxRetryAfterMs) || (impatient && (waitMs > 0 || closed.probing));
    const tooOften = closed.rounds - entered >= attempts;
    if (tooLong || tooOften || (deadline !== undefined && Date.now() + waitMs > deadline)) {
      const ago = describeDuration(this.#now() - closed.since);
      const wish = wishMs > 0 ? `, to be asked again in ${describeDuration(wishMs)}` : '';
      const { code, status, detail } = closed.error;
      const retryAfterMs = wishMs > 0 ? wishMs : undefined;
      // Not transient: there is nothing to wait for that has not been waited for.
      throw new RegistryError(code, ask, `${detail} (${ago} ago, to another request${wish})`, { status, retryAfterMs });
    }
  }

  #close(error: RegistryError, probe: boolean): void {
    const [now, before] = [this.#now(), this.#closed];
    const { maxRetryAfterMs } = this.#policy;
    // Of many that were under way together, the first closes the gate, and the others only say how long.
    const rounds = before === undefined ? 1 : before.rounds + (probe ? 1 : 0);
    const capped = error.retryAfterMs === undefined ? undefined : Math.min(error.retryAfterMs, maxRetryAfterMs);
    const until = now + pauseAfter(this.#policy, rounds, capped, Math.random());
    const next = {
      until: probe ? until : Math.max(until, before?.until ?? 0),
      wished: Math.max(now + (error.retryAfterMs ?? 0), probe ? 0 : (before?.wished ?? 0)),
      rounds,
      since: now,
      error,
    };
    if (before !== undefined && !probe) this.#closed = { ...before, ...next };
    else this.#become({ ...next, probing: false, over: Promise.withResolvers() });
  }

  /** Any answer opens the gate; without one the next may try. */
  #probeEnds(error: unknown): void {
    const answered = error instanceof RegistryError && error.status !== undefined;
    const closed = this.#closed;
    this.#become(
      answered || closed === undefined ? undefined : { ...closed, probing: false, over: Promise.withResolvers() },
    );
  }

  #become(next: Closed | undefined): void {
    const before = this.#closed;
    this.#closed = next;
    before?.over.resolve();
  }
}

/** Users choose the registries that are asked; what is remembered of them is bounded. */
const MAX_GATES = 2_000;

/**
 * The gates of all registries: one for 503, which is about the registry, and one for 429, which is about an account, for
 * each of its accounts, so that one user's spent allowance does not hold up another's builds.
 */
export class RequestGates {
  readonly #policy: RetryPolicy;
  readonly #now: () => number;
  readonly #gates = new Map<string, RequestGate>();

  constructor(policy: RetryPolicy, now: () => number) {
    this.#policy = policy;
    this.#now = now;
  }

  /** `account` tells the credentials apart, as keys of caches do. */
  run<T>(registry: string, account: string, caller: GateCaller, attempt: () => Promise<T>): Promise<T> {
    const overload = this.#gate(`503 ${registry}`, 503);
    const limit = this.#gate(`429 ${registry} ${account}`, 429);
    return overload.run(caller, () => limit.run(caller, attempt));
  }

  #gate(key: string, status: number): RequestGate {
    const gate = this.#gates.get(key) ?? new RequestGate(this.#policy, status, this.#now);
    this.#gates.set(key, gate);
    evictOldest(this.#gates, MAX_GATES);
    return gate;
  }
}
