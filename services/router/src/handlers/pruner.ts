import type { Logger } from '@slipway/service-kit';
import type { RouteChange, RouteTable } from '../domain/routes/route-table.ts';

export interface PrunerOptions {
  readonly table: RouteTable;
  readonly logger: Logger;
  readonly intervalMs: number;
  /** Registrations can arrive. */
  readonly isConnected: () => boolean;
  /** Monotonic ms. */
  readonly now: () => number;
  readonly onPruned: (changes: readonly RouteChange[]) => void;
}

/**
 * Removes endpoints that nobody registers any more. Not while NATS is away: then nobody can register, and stale routes are
 * better than none. After that everyone has the full time again to be heard.
 */
export class Pruner {
  readonly #options: PrunerOptions;
  #timer: NodeJS.Timeout | undefined;
  #wasSuspended = false;

  constructor(options: PrunerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => this.tick(), this.#options.intervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** NATS is back. */
  resume(): void {
    this.#wasSuspended = false;
    this.#options.table.refreshAll(this.#options.now());
  }

  tick(): void {
    const { table, logger, isConnected, now, onPruned } = this.#options;
    if (!isConnected()) {
      if (!this.#wasSuspended) logger.warn('prune.suspended');
      this.#wasSuspended = true;
      return;
    }
    if (this.#wasSuspended) this.resume();
    onPruned(table.prune(now()));
  }
}
