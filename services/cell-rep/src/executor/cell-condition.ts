import { CodedError, describeError, type Logger } from '@slipway/service-kit';
import { afterFailure, type CellHealth, healthyCell } from '../domain/cell-health.ts';
import type { FailingStep, StepName } from './instance-deps.ts';
import { kindOf } from './step.ts';

const CHECK_INTERVAL_MS = 30_000;
/** Diego tests Garden as often, while all is well. */
const PROBE_INTERVAL_MS = 600_000;

export interface CellConditionOptions {
  /** Undefined when containers can be written, else why not. Costs nothing. */
  readonly check: () => Promise<string | undefined>;
  /** Makes, starts and removes a container; rejects with what went wrong. */
  readonly probe: (signal: AbortSignal) => Promise<void>;
  readonly onChange: () => void;
  readonly logger: Logger;
  /** Between two checks, ms. */
  readonly intervalMs?: number;
}

/**
 * Whether this cell can create containers. One that cannot is passed over, for each try there counts as a crash. What a
 * failed instance only suggests, a container of the cell's own has to show; a cell that cannot make one tries again at each
 * check, until it can.
 */
export class CellCondition {
  readonly #options: CellConditionOptions;
  readonly #stopping = new AbortController();
  #health: CellHealth = healthyCell;
  #timer: NodeJS.Timeout | undefined;
  #probedAt = Number.NEGATIVE_INFINITY;
  #checking: Promise<void> | undefined;

  constructor(options: CellConditionOptions) {
    this.#options = options;
  }

  get reason(): string | undefined {
    return this.#health.reason;
  }

  /** Resolves when it is known whether the disk has room; the first probe is under way then. */
  async start(): Promise<void> {
    await this.#checkDisk();
    this.#look();
    this.#timer = setInterval(() => this.#look(), this.#options.intervalMs ?? CHECK_INTERVAL_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort();
    await this.#checking;
  }

  succeeded(step: StepName): void {
    if (step === 'start' && this.#health.reason === undefined) this.#set(healthyCell);
  }

  failed(step: FailingStep, error: unknown): void {
    const failure = { step, kind: kindOf(error), code: codeOf(error), neededBytes: neededBytesOf(error) };
    this.#set(afterFailure(this.#health, failure, describeError(error)));
    if (this.#health.suspect) this.#look();
  }

  /** One at a time. */
  #look(): void {
    if (this.#stopping.signal.aborted) return;
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
    });
  }

  async #check(): Promise<void> {
    if (!(await this.#checkDisk())) return;
    const { reason, suspect } = this.#health;
    const due = performance.now() - this.#probedAt > PROBE_INTERVAL_MS;
    if (reason === undefined && !suspect && !due) return;
    this.#probedAt = performance.now();
    try {
      await this.#options.probe(this.#stopping.signal);
      this.#set(healthyCell);
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      // All addresses are taken: it can make containers, and has.
      if (codeOf(error) === 'CELL_FULL') this.#set(healthyCell);
      else this.#set({ ...this.#health, reason: `no container can be made: ${describeError(error)}`, suspect: false });
    }
  }

  /** False when the disk has no room. */
  async #checkDisk(): Promise<boolean> {
    try {
      const reason = await this.#options.check();
      if (reason !== undefined) this.#set({ ...this.#health, reason });
      return reason === undefined;
    } catch (error) {
      this.#set({ ...this.#health, reason: describeError(error) });
      return false;
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
