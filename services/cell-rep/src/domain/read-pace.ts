/** A line that is dropped costs the cell what splitting and counting it takes, near enough in bytes. */
const LINE_COST = 256;
/** So much of one instance may be read only to be dropped: some 30,000 of the shortest lines. */
const COST_PER_MS = 8 * 1024;
const BURST_MS = 1_000;

/**
 * How fast an instance's output is read while it is dropped. A flood then waits in the app's own pipe instead of taking
 * the cell's processor. `now` is any monotonic clock in milliseconds.
 */
export class ReadPace {
  /** What was read is paid for until then. */
  #paidUntil = Number.NEGATIVE_INFINITY;

  read(bytes: number, now: number): void {
    this.#paidUntil = Math.max(this.#paidUntil, now - BURST_MS) + (bytes + LINE_COST) / COST_PER_MS;
  }

  /** How long to wait before reading on; 0 when not at all. */
  waitMs(now: number): number {
    return Math.max(0, this.#paidUntil - now);
  }
}
