import { CodedError, describeError, type Logger } from '@slipway/service-kit';
import { afterFailure, type CellHealth, healthyCell } from '../domain/cell-health.ts';
import type { StepName } from './instance-deps.ts';
import { kindOf } from './step.ts';

const CHECK_INTERVAL_MS = 30_000;

export interface CellConditionOptions {
  /** Undefined when containers can be created, else why not. */
  readonly check: () => Promise<string | undefined>;
  readonly onChange: () => void;
  readonly logger: Logger;
}

/** Whether this cell can create containers. One that cannot is passed over, for each try there counts as a crash. */
export class CellCondition {
  readonly #options: CellConditionOptions;
  #health: CellHealth = healthyCell;
  #timer: NodeJS.Timeout | undefined;
  #checking: Promise<void> = Promise.resolve();

  constructor(options: CellConditionOptions) {
    this.#options = options;
  }

  get reason(): string | undefined {
    return this.#health.reason;
  }

  async start(): Promise<void> {
    await this.#check();
    this.#timer = setInterval(() => {
      this.#checking = this.#check();
    }, CHECK_INTERVAL_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#checking;
  }

  succeeded(step: StepName): void {
    if (step === 'start') this.#set(healthyCell);
  }

  failed(step: StepName, error: unknown): void {
    const failure = { step, kind: kindOf(error), code: codeOf(error), neededBytes: neededBytesOf(error) };
    this.#set(afterFailure(this.#health, failure, describeError(error)));
  }

  async #check(): Promise<void> {
    try {
      const reason = await this.#options.check();
      // A passed check gives a cell that failed another chance; it fails again at the next container if it must.
      this.#set(reason === undefined ? healthyCell : { failures: this.#health.failures, reason });
    } catch (error) {
      this.#set({ failures: this.#health.failures + 1, reason: describeError(error) });
    }
  }

  #set(health: CellHealth): void {
    const before = this.#health.reason;
    this.#health = health;
    if (before === health.reason) return;
    const { logger, onChange } = this.#options;
    if (health.reason === undefined) logger.info('cell.healthy');
    else logger.error({ reason: health.reason }, 'cell.unhealthy');
    onChange();
  }
}

function neededBytesOf(error: unknown): number | undefined {
  const needed = error instanceof CodedError ? error.details.neededBytes : undefined;
  return typeof needed === 'number' ? needed : undefined;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
