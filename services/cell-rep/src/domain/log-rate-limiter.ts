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

/**
 * Bytes per second of one instance's log (Diego `log_rate_limit`): -1 lets all pass, 0 nothing. A bucket of one
 * second's worth; when it is empty everything is dropped until the second is over, and `report` says how much was.
 * `now` is any monotonic clock in milliseconds.
 */
export class LogRateLimiter {
  readonly bytesPerSecond: number;
  #available: number;
  #filledAt: number;
  #suppressedUntil: number | undefined;
  #lines = 0;
  #bytes = 0;

  constructor(bytesPerSecond: number, now: number) {
    this.bytesPerSecond = bytesPerSecond;
    this.#available = bytesPerSecond;
    this.#filledAt = now;
  }

  admit(bytes: number, now: number): Admission {
    if (this.bytesPerSecond < 0) return { kind: 'admitted' };
    // Diego says nothing at all of a limit of 0: the user wants no logs.
    if (this.bytesPerSecond === 0) return { kind: 'dropped', first: false };
    const suppressed = this.#suppressedUntil !== undefined && now < this.#suppressedUntil;
    this.#refill(now);
    // A line longer than a second's worth passes a full bucket, else it never would.
    const fits = bytes <= this.#available || this.#available >= this.bytesPerSecond;
    if (!suppressed && fits) {
      this.#available -= bytes;
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
    const gained = ((now - this.#filledAt) / WINDOW_MS) * this.bytesPerSecond;
    this.#available = Math.min(this.bytesPerSecond, this.#available + Math.max(0, gained));
    this.#filledAt = now;
  }
}

/** Diego's words. */
export function rateLimitExceeded(bytesPerSecond: number): string {
  return `app instance exceeded log rate limit (${bytesPerSecond} bytes/sec)`;
}

export function rateLimitDropped(bytesPerSecond: number, { lines, bytes }: Dropped): string {
  return `${lines} log lines (${bytes} bytes) were dropped: ${rateLimitExceeded(bytesPerSecond)}`;
}
