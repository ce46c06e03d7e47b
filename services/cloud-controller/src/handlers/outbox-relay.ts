import { describeError, type Logger } from '@slipway/service-kit';
import {
  type Handled,
  hastenOutbox,
  type OutboxKind,
  type OutboxRow,
  outboxDepth,
  takeFromOutbox,
} from '../adapters/sql/outbox.ts';
import type { Db } from '../adapters/sql/schema.ts';

/** Does what a kind of row asks for; must be idempotent. Throws when it shall be tried again. */
export type OutboxHandlers = Readonly<Record<OutboxKind, (subject: string) => Promise<void>>>;

export interface OutboxRelayOptions {
  readonly db: Db;
  readonly handlers: OutboxHandlers;
  readonly connected: () => boolean;
  readonly now: () => Date;
  readonly logger: Logger;
  /** For rows that were put off, and for those that other processes left. */
  readonly intervalMs: number;
}

/**
 * Carries what was committed to the bus: at once when woken, again on a timer. A row leaves the table only after its
 * effect, so a process that dies in between does it again.
 */
export class OutboxRelay {
  readonly #options: OutboxRelayOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(options: OutboxRelayOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => this.wake(), this.#options.intervalMs);
    this.wake();
  }

  /** Returns at once. */
  wake(): void {
    if (this.#stopped) return;
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      // Woken between the last look and now.
      if (this.#again) this.wake();
    });
  }

  /** The bus is back: what was put off is due. */
  async hasten(): Promise<void> {
    await hastenOutbox(this.#options.db, this.#options.now().toISOString());
    this.wake();
  }

  depth(): Promise<number> {
    return outboxDepth(this.#options.db);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  async #run(): Promise<void> {
    const { db, now, logger, connected } = this.#options;
    try {
      while (this.#again && !this.#stopped && connected()) {
        this.#again = false;
        const taken = await takeFromOutbox(db, now(), (rows) => this.#handle(rows));
        if (taken > 0) this.#again = true;
      }
    } catch (error) {
      logger.error({ err: error }, 'outbox.failed');
    }
    // Without the bus, or after a fault, the timer looks again.
    this.#again = false;
  }

  /** In their order; the same thing asked for twice is done once. */
  async #handle(rows: readonly OutboxRow[]): Promise<Handled[]> {
    const { handlers, connected, logger } = this.#options;
    const outcomes = new Map<string, string | undefined>();
    const handled: Handled[] = [];
    for (const { id, kind, subject, attempts } of rows) {
      if (this.#stopped || !connected()) break;
      const key = `${kind} ${subject}`;
      if (!outcomes.has(key)) {
        try {
          await handlers[kind](subject);
          outcomes.set(key, undefined);
        } catch (error) {
          logger.warn({ err: error, kind, subject, attempts }, 'outbox.retry');
          outcomes.set(key, describeError(error));
        }
      }
      const error = outcomes.get(key);
      handled.push(error === undefined ? { id } : { id, error });
    }
    return handled;
  }
}
