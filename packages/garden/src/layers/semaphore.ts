/** Lets a number of callers in at once, the others in the order they came. */
export class Semaphore {
  #free: number;
  readonly #queue: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  /** Runs `work` when there is a place. A caller whose signal aborts while it waits runs it at once, to see that. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const entered = await this.#enter(signal);
    try {
      return await work();
    } finally {
      if (entered) this.#leave();
    }
  }

  async #enter(signal: AbortSignal): Promise<boolean> {
    if (this.#free > 0) {
      this.#free -= 1;
      return true;
    }
    return await new Promise((resolve) => {
      const place = (): void => {
        signal.removeEventListener('abort', give);
        resolve(true);
      };
      const give = (): void => {
        const at = this.#queue.indexOf(place);
        if (at !== -1) this.#queue.splice(at, 1);
        resolve(false);
      };
      this.#queue.push(place);
      signal.addEventListener('abort', give, { once: true });
      if (signal.aborted) give();
    });
  }

  #leave(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
