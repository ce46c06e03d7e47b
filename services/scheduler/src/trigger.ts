/** Changes come in bursts: a pass waits until they pause this long… */
const QUIET_MS = 25;
/** …but no longer than this after the first. */
const MAX_WAIT_MS = 100;
/** The share of one core that passes may take when changes never pause is one in (1 + this). */
const REST_FACTOR = 2;

/** Runs one thing after requests for it: never twice at once, and once more after a request that came meanwhile. */
export class Trigger {
  readonly #run: () => Promise<void>;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = 0;
  #notBefore = 0;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  /** `run` must not throw. */
  constructor(run: () => Promise<void>) {
    this.#run = run;
  }

  request(): void {
    if (this.#stopped) return;
    if (this.#running !== undefined) {
      this.#again = true;
      return;
    }
    const now = performance.now();
    if (this.#timer === undefined) this.#dueAt = now + MAX_WAIT_MS;
    clearTimeout(this.#timer);
    const at = Math.max(Math.min(now + QUIET_MS, this.#dueAt), this.#notBefore);
    this.#timer = setTimeout(() => this.#start(), Math.max(at - now, 0));
  }

  /** Takes no more requests, and waits for the run under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #start(): void {
    this.#timer = undefined;
    this.#again = false;
    const startedAt = performance.now();
    this.#running = this.#run().finally(() => {
      const endedAt = performance.now();
      this.#notBefore = endedAt + REST_FACTOR * Math.min(endedAt - startedAt, MAX_WAIT_MS);
      this.#running = undefined;
      if (this.#again) this.request();
    });
  }
}
