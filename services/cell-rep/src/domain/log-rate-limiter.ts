/** What every instance has to keep to, whatever its app's own limit is; -1: none. */
export interface LogLimits {
  readonly bytesPerSecond: number;
  readonly linesPerSecond: number;
}

/** What was not kept since the last report. */
export interface Dropped {
  readonly lines: number;
  readonly bytes: number;
}

export type Admission =
  | { readonly kind: 'admitted' }
  /** `first`: the limit was met just now, so the user is told. */
  | { readonly kind: 'dropped'; readonly first: boolean };

// Diego suppresses for about a second once the limit is met.
const WINDOW_MS = 1_000;
/** However long a line was that passed a full bucket, the app is silent for no longer than it takes to make up for this. */
const LONGEST_DEBT_S = 10;

/**
 * How much of one instance's log may pass in a second (Diego `log_rate_limit`): -1 lets all pass, 0 nothing. A bucket of
 * `burstS` seconds' worth; when it is empty everything is dropped for a second, and `report` says how much was. `now` is
 * any monotonic clock in milliseconds.
 */
export class LogRateLimiter {
  readonly #perSecond: number;
  readonly #capacity: number;
  #available: number;
  #filledAt: number;
  #suppressedUntil: number | undefined;
  #lines = 0;
  #bytes = 0;

  constructor(perSecond: number, now: number, burstS = 1) {
    this.#perSecond = perSecond;
    this.#capacity = perSecond * burstS;
    this.#available = this.#capacity;
    this.#filledAt = now;
  }

  /** `cost` is what is limited: the line's bytes, or 1 where lines are. */
  admit(bytes: number, now: number, cost: number = bytes): Admission {
    if (this.#perSecond < 0) return { kind: 'admitted' };
    // Diego says nothing at all of a limit of 0: the user wants no logs.
    if (this.#perSecond === 0) return { kind: 'dropped', first: false };
    const suppressed = this.#suppressedUntil !== undefined && now < this.#suppressedUntil;
    this.#refill(now);
    // A line longer than all that fits passes a full bucket, else it never would.
    const fits = cost <= this.#available || this.#available >= this.#capacity;
    if (!suppressed && fits) {
      this.#available = Math.max(this.#available - cost, -LONGEST_DEBT_S * this.#perSecond);
      return { kind: 'admitted' };
    }
    const first = !suppressed;
    if (first) this.#suppressedUntil = now + WINDOW_MS;
    this.#lines++;
    this.#bytes += bytes;
    return { kind: 'dropped', first };
  }

  /** Something was dropped that was not reported. */
  get pending(): boolean {
    return this.#lines > 0;
  }

  /** What was dropped, once the suppression is over; then it counts anew. */
  report(now: number): Dropped | undefined {
    if (this.#lines === 0) return undefined;
    if (this.#suppressedUntil !== undefined && now < this.#suppressedUntil) return undefined;
    const dropped = { lines: this.#lines, bytes: this.#bytes };
    this.#lines = 0;
    this.#bytes = 0;
    return dropped;
  }

  #refill(now: number): void {
    const gained = ((now - this.#filledAt) / WINDOW_MS) * this.#perSecond;
    this.#available = Math.min(this.#capacity, this.#available + Math.max(0, gained));
    this.#filledAt = now;
  }
}

/** Diego's words. */
export function rateLimitExceeded(bytesPerSecond: number): string {
  return `app instance exceeded log rate limit (${bytesPerSecond} bytes/sec)`;
}

/** Of the limit that holds for every instance, whatever its app's is. */
export function platformLimitExceeded(limit: number, unit: 'bytes' | 'lines'): string {
  return `app instance exceeded the platform's log rate limit (${limit} ${unit}/sec)`;
}

export function rateLimitDropped(exceeded: string, { lines, bytes }: Dropped): string {
  return `${lines} log lines (${bytes} bytes) were dropped: ${exceeded}`;
}
