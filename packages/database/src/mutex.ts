/** Long enough for any honest transaction; a query on the outer handle inside a transaction would wait for ever. */
const ACQUIRE_DEADLINE_MS = 30_000;

/** First come, first served. */
export class Mutex {
  #held = false;
  #closed = false;
  readonly #waiting: { readonly enter: () => void; readonly refuse: (error: Error) => void }[] = [];

  async acquire(deadlineMs: number = ACQUIRE_DEADLINE_MS): Promise<void> {
    if (this.#closed) throw closedError();
    if (!this.#held) {
      this.#held = true;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const waiter = {
        enter: (): void => {
          clearTimeout(timer);
          resolve();
        },
        refuse: (error: Error): void => {
          clearTimeout(timer);
          reject(error);
        },
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(new Error(`the database connection was not free within ${deadlineMs} ms`));
      }, deadlineMs);
      this.#waiting.push(waiter);
    });
  }

  release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#held = false;
    else next.enter();
  }

  /** Waits for its turn like everybody, and lets nobody in after that. */
  async close(): Promise<void> {
    await this.acquire();
    this.#closed = true;
    for (const { refuse } of this.#waiting.splice(0)) refuse(closedError());
  }
}

function closedError(): Error {
  return new Error('the database is closed');
}
