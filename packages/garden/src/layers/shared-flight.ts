import { GardenError } from '../errors.ts';

/** One piece of work that several callers wait for. It is cancelled when the last of them gives up. */
export class SharedFlight<T> {
  readonly #controller = new AbortController();
  readonly #outcome: Promise<T>;
  #waiting = 0;

  constructor(work: (signal: AbortSignal) => Promise<T>) {
    this.#outcome = work(this.#controller.signal);
    // Everybody may have left before it fails.
    this.#outcome.catch(() => undefined);
  }

  /** Cancelled, and so of no use to a new caller. */
  get abandoned(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Waits for the outcome, or throws CANCELLED as soon as `signal` aborts. */
  async join(signal: AbortSignal): Promise<T> {
    this.#waiting += 1;
    let leave: (() => void) | undefined;
    const left = new Promise<never>((_, reject) => {
      leave = (): void => reject(new GardenError('CANCELLED', 'layers', 'Cancelled', { cause: signal.reason }));
      if (signal.aborted) leave();
      signal.addEventListener('abort', leave, { once: true });
    });
    try {
      return await Promise.race([this.#outcome, left]);
    } finally {
      if (leave !== undefined) signal.removeEventListener('abort', leave);
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#controller.abort();
    }
  }

  /** Resolves when the work has ended, well or not. */
  async settled(): Promise<void> {
    await this.#outcome.then(
      () => undefined,
      () => undefined,
    );
  }
}
