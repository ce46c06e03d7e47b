import type { Logger } from '@slipway/service-kit';
import { type CellKnowledge, decide } from '../domain/decide.ts';
import type { Executor } from './executor.ts';

/** Diego's bulk loop. */
const INTERVAL_MS = 30_000;

export interface ReconcilerOptions {
  readonly executor: Executor;
  readonly read: (now: number) => Omit<CellKnowledge, 'now' | 'local' | 'missingSince'>;
  readonly placementDeleted: (instanceGuid: string) => boolean;
  readonly logger: Logger;
}

/** Compares what is placed with what is here, at each change and every 30 s, and lets the executor do the difference. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  #missingSince: ReadonlyMap<string, number> = new Map();
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Immediate | undefined;
  #stopped = true;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** Instances without placement for certain, which their grace time still keeps. */
  get unplaced(): number {
    return this.#missingSince.size;
  }

  start(): void {
    this.#stopped = false;
    this.trigger();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    if (this.#soon !== undefined) clearImmediate(this.#soon);
  }

  /** Soon, once for all that happens until then. */
  trigger(): void {
    if (this.#stopped || this.#soon !== undefined) return;
    this.#soon = setImmediate(() => {
      this.#soon = undefined;
      this.#reconcile();
    });
  }

  #reconcile(): void {
    const { executor, read, placementDeleted, logger } = this.#options;
    const now = performance.now();
    const known = read(now);
    for (const [guid, runner] of executor.runners) {
      if (known.placements.has(guid)) runner.notePlacement('placed');
      else if (placementDeleted(guid)) runner.notePlacement('deleted');
    }
    const decision = decide({ ...known, now, local: executor.local, missingSince: this.#missingSince });
    for (const guid of decision.missingSince.keys()) {
      if (!this.#missingSince.has(guid)) logger.warn({ instanceGuid: guid }, 'instance.unplaced');
    }
    this.#missingSince = decision.missingSince;
    for (const action of decision.actions) executor.apply(action);
    clearTimeout(this.#timer);
    const wait = Math.min(INTERVAL_MS, Math.max(0, (decision.lookAgainAt ?? Number.POSITIVE_INFINITY) - now));
    this.#timer = setTimeout(() => this.trigger(), wait);
  }
}
