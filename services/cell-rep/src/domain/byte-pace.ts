/** Keeps a sum of bytes below a rate, after a burst of a tenth of a second's worth. */
export class BytePace {
  readonly #bytesPerMs: number;
  readonly #burstMs = 100;
  /** When all that was let through so far would have passed at the rate. */
  #dueAt = Number.NEGATIVE_INFINITY;

  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond / 1_000;
  }

  /** Milliseconds to wait after these bytes, which may go at once. */
  delayAfter(bytes: number, now: number): number {
    this.#dueAt = Math.max(this.#dueAt, now - this.#burstMs) + bytes / this.#bytesPerMs;
    return Math.max(0, this.#dueAt - now);
  }
}
