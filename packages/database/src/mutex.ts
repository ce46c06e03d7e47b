/** Long enough for any honest transaction; a query on the outer handle inside a transaction would wait for ever. */
const ACQUIRE_DEADLINE_MS = 30_000;

/** First come, first served. */
export class Mutex {
  #held = false;
  readonly #waiting: (() => void)[] = [];

  async acquire(deadlineMs: number = ACQUIRE_DEADLINE_MS): Promise<void> {
    if (!this.#held) {
      this.#held = true;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const enter = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1);
        reject(new Error(`the database connection was not free within ${deadlineMs} ms`));
      }, deadlineMs);
      this.#waiting.push(enter);
    });
  }

  release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#held = false;
    else next();
  }
}
