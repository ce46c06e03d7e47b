/** After so many failures within the window an address is refused until the first of them is that old. */
const FAILURES = 10;
const WINDOW_MS = 300_000;
/** Addresses that are remembered; those that failed longest ago are forgotten first. */
const ADDRESSES = 10_000;

/** Keeps one-time codes from being guessed at speed. Codes are long; this is for the logs and the processor. */
export class LoginLimit {
  readonly #failures = new Map<string, readonly number[]>();

  /** Whether an address may try. */
  allows(address: string, now: number): boolean {
    return this.#recent(address, now).length < FAILURES;
  }

  failed(address: string, now: number): void {
    const recent = this.#recent(address, now);
    this.#failures.delete(address);
    this.#failures.set(address, [...recent, now].slice(-FAILURES));
    const oldest = this.#failures.keys().next();
    if (this.#failures.size > ADDRESSES && oldest.done !== true) this.#failures.delete(oldest.value);
  }

  #recent(address: string, now: number): readonly number[] {
    return (this.#failures.get(address) ?? []).filter((at) => now - at < WINDOW_MS);
  }
}
