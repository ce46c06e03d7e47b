export interface SlowLimits {
  /** A sender that sends nothing for so long is given up. */
  readonly stallMs: number;
  /** So is one that sends less than this in each such time. */
  readonly bytesPerStall: number;
}

/** Whether a sender is too slow. Only time that was spent waiting for it counts. */
export class SlowWatch {
  readonly #limits: SlowLimits;
  #waitedMs = 0;
  #bytes = 0;

  constructor(limits: SlowLimits) {
    this.#limits = limits;
  }

  /** So many bytes came after so long a wait; true when that is too slow. */
  arrived(bytes: number, waitedMs: number): boolean {
    this.#bytes += bytes;
    this.#waitedMs += waitedMs;
    if (this.#waitedMs < this.#limits.stallMs) return false;
    const slow = this.#bytes < this.#limits.bytesPerStall;
    this.#waitedMs = 0;
    this.#bytes = 0;
    return slow;
  }
}
