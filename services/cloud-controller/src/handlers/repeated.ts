import type { Logger } from '@slipway/service-kit';

/**
 * Runs a task on a timer and when triggered, never twice at a time; a trigger during a run has it run once more. What it
 * throws is logged, and the next run tries again.
 */
export class Repeated {
  readonly #name: string;
  readonly #task: () => Promise<unknown>;
  readonly #intervalMs: number;
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(name: string, task: () => Promise<unknown>, intervalMs: number, logger: Logger) {
    this.#name = name;
    this.#task = task;
    this.#intervalMs = intervalMs;
    this.#logger = logger;
  }

  start(): void {
    this.#timer = setInterval(() => this.trigger(), this.#intervalMs);
    this.trigger();
  }

  trigger(): void {
    if (this.#stopped) return;
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      // Triggered between the last look and now.
      if (this.#again) this.trigger();
    });
  }

  /** Waits for a run that is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      try {
        await this.#task();
      } catch (error) {
        this.#logger.error({ err: error, task: this.#name }, 'task.failed');
      }
    }
  }
}
