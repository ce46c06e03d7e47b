import { randomUUID } from 'node:crypto';
import type { KvStore } from '@slipway/bus';
import type { PlacementRecord, TaskRecord } from '@slipway/contracts';
import type { Logger } from '@slipway/service-kit';
import { type ApplyOptions, type ApplyResult, applyChanges } from './adapters/apply-changes.ts';
import type { ClusterViews } from './adapters/cluster-views.ts';
import type { LeaderLease } from './adapters/leader-lease.ts';
import type { Change, ChangeReason, TaskChange } from './domain/change.ts';
import { type Decision, decide } from './domain/decide.ts';
import type { SchedulerMetrics } from './metrics.ts';
import { Trigger } from './trigger.ts';

/** Diego's `convergence.repeat_interval_in_seconds`. */
const CONVERGENCE_MS = 30_000;
const RETRY_MS = 1_000;
const COMPACT_MS = 600_000;
/** Longer than any cell is expected to be away and still to be told by a marker what to stop. */
const KEEP_MARKERS_MS = 3_600_000;

/** What takes something away that may run. It is worth a look whether the views are really current. */
const DESTRUCTIVE: ReadonlySet<ChangeReason> = new Set<ChangeReason>([
  'extra',
  'orphan',
  'duplicate',
  'replaced',
  'retired',
  'surplus',
]);

export interface ReconcilerOptions {
  readonly views: ClusterViews;
  readonly store: KvStore<PlacementRecord>;
  readonly taskStore: KvStore<TaskRecord>;
  readonly lease: LeaderLease;
  readonly metrics: SchedulerMetrics;
  readonly logger: Logger;
}

/**
 * Decides and applies, over the whole state, again and again while this process leads: after changes, when time may have
 * changed the answer, and every 30 s in any case.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #trigger = new Trigger(() => this.#pass());
  readonly #convergence: NodeJS.Timeout;
  readonly #compaction: NodeJS.Timeout;
  #lookAgain: NodeJS.Timeout | undefined;
  /** The next pass asks the server whether the views are current, instead of taking it from the connection. */
  #verify = true;
  #stopped = false;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#convergence = setInterval(() => this.converge(), CONVERGENCE_MS);
    this.#compaction = setInterval(() => void this.#compact(), COMPACT_MS);
  }

  /** Soon, after what else changes meanwhile. */
  request(): void {
    this.#trigger.request();
  }

  /** The same, and trusting nothing: at taking the lead, and on the timer. */
  converge(): void {
    this.#verify = true;
    this.#trigger.request();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#convergence);
    clearInterval(this.#compaction);
    clearTimeout(this.#lookAgain);
    await this.#trigger.stop();
  }

  async #pass(): Promise<void> {
    const { lease, views, metrics, logger } = this.#options;
    // When the views are current again they ask for a pass.
    if (!lease.leads() || !views.placementsFresh) return;
    try {
      const result = await this.#reconcile();
      metrics.passes.inc({ result });
      if (result === 'incomplete') this.#requestIn(RETRY_MS);
    } catch (error) {
      metrics.passes.inc({ result: 'failed' });
      logger.error({ err: error }, 'pass.failed');
      this.#requestIn(RETRY_MS);
    }
  }

  async #reconcile(): Promise<'complete' | 'incomplete'> {
    const { views } = this.#options;
    if (this.#verify && !(await views.catchUp())) return 'incomplete';
    let decision = this.#decide();
    if (!this.#verify && takesAway(decision)) {
      if (!(await views.catchUp())) return 'incomplete';
      decision = this.#decide();
    }
    this.#verify = false;
    const lrpsDone = await this.#apply(decision.changes);
    const tasksDone = await this.#applyToTasks(decision.taskChanges);
    if (!lrpsDone || !tasksDone) return 'incomplete';
    if (decision.lookAgainInMs !== undefined) this.#requestIn(decision.lookAgainInMs);
    return 'complete';
  }

  /** True: all of it is done, and seen. */
  async #apply(changes: readonly Change[]): Promise<boolean> {
    if (changes.length === 0) return true;
    const { views, store } = this.#options;
    const result = await applyChanges(
      store,
      changes,
      this.#applying((change: Change) => this.#applied(change)),
    );
    // The next pass must see what this one wrote, or it would do it again.
    return this.#isComplete(result, await views.placements.catchUp());
  }

  async #applyToTasks(changes: readonly TaskChange[]): Promise<boolean> {
    if (changes.length === 0) return true;
    const { views, taskStore } = this.#options;
    const result = await applyChanges(
      taskStore,
      changes,
      this.#applying((change: TaskChange) => this.#appliedToTask(change)),
    );
    return this.#isComplete(result, await views.tasks.catchUp());
  }

  #applying<C>(onApplied: (change: C) => void): ApplyOptions<C> {
    const { lease, logger } = this.#options;
    return { mayAct: () => lease.leads() && !this.#stopped, onApplied, logger };
  }

  #isComplete({ conflicts, failures }: ApplyResult, seen: boolean): boolean {
    const { metrics } = this.#options;
    metrics.conflicts.inc(conflicts);
    metrics.failures.inc(failures);
    return seen && conflicts + failures === 0;
  }

  #decide(): Decision {
    const { lease, views, metrics } = this.#options;
    const end = metrics.decideSeconds.startTimer();
    const now = { wallMs: Date.now(), monotonicMs: performance.now() };
    const decision = decide(views.state(lease.since), now, randomUUID);
    end();
    if (!decision.recovering) views.endRecovery();
    const { cells, held, stranded } = decision.summary;
    for (const [status, count] of Object.entries(cells)) metrics.cells.set({ status }, count);
    metrics.held.set(held);
    metrics.stranded.set(stranded);
    return decision;
  }

  #applied({ reason, processGuid, index, write, removes, refusedBy }: Change): void {
    const { metrics, logger } = this.#options;
    metrics.changes.inc({ reason });
    const fields = {
      processGuid,
      index,
      ...(write?.value.kind === 'placed'
        ? { cellId: write.value.cellId, instanceGuid: write.value.instanceGuid, crashCount: write.value.crashCount }
        : {}),
      ...(write?.value.kind === 'unplaced'
        ? {
            placementError: write.value.placementError,
            crashCount: write.value.crashCount,
            retryAt: write.value.retryAt,
          }
        : {}),
      ...(removes.length > 0 ? { removed: removes.map(({ key }) => key) } : {}),
      ...(refusedBy === undefined ? {} : { refusedBy }),
    };
    logger.info(fields, `lrp.${reason}`);
  }

  #appliedToTask({ reason, taskGuid, write, refusedBy }: TaskChange): void {
    const { metrics, logger } = this.#options;
    metrics.changes.inc({ reason: `task-${reason}` });
    const { v: _, kind: __, taskGuid: ___, ...said } = write?.value ?? { v: 1, kind: 'none', taskGuid };
    logger.info({ taskGuid, ...said, ...(refusedBy === undefined ? {} : { refusedBy }) }, `task.${reason}`);
  }

  #requestIn(ms: number): void {
    if (this.#stopped) return;
    clearTimeout(this.#lookAgain);
    this.#lookAgain = setTimeout(() => this.request(), Math.min(ms, CONVERGENCE_MS));
  }

  /** Deletion markers would pile up for ever. */
  async #compact(): Promise<void> {
    const { lease, views, logger } = this.#options;
    if (!lease.leads() || !views.fresh) return;
    try {
      const removed = await views.compact(KEEP_MARKERS_MS);
      logger.info({ removed }, 'buckets.compacted');
    } catch (error) {
      logger.warn({ err: error }, 'compaction.failed');
    }
  }
}

function takesAway({ changes, taskChanges }: Decision): boolean {
  return changes.some(({ reason }) => DESTRUCTIVE.has(reason)) || taskChanges.some(({ reason }) => reason === 'lose');
}
