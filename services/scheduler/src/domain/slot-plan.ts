import { type DesiredLrp, keys, type Placement, type Unplaced } from '@slipway/contracts';
import { isLeaving } from './cell-status.ts';
import type { Change, ChangeReason, RecordToRemove, RecordToWrite } from './change.ts';
import type { Now } from './cluster-state.ts';
import { afterCrash, pullBackoffMs } from './crash-policy.ts';
import type { DesiredProcess } from './desired-state.ts';
import type { Placed, Slot, Stray, WaitingRecord } from './inventory.ts';
import { byWorth, hasCrashed, isRunning, startsForNothing, strayByWorth } from './worth.ts';

/** An index for which a cell is wanted. */
export interface Want {
  readonly lrp: DesiredLrp;
  readonly index: number;
  readonly reason: ChangeReason;
  readonly crashCount: number;
  /** In a row, until now. */
  readonly pullFailures: number;
  readonly crashReason: string | undefined;
  readonly waiting: WaitingRecord | undefined;
  /** Placements that crashed; they go when what follows is written. */
  readonly crashed: readonly Placed[];
  /** On a lost or evacuating cell; goes when the new one runs. */
  readonly leaving: Placed | undefined;
  /** It runs nowhere yet, so it goes as soon as the new one is placed. */
  readonly leavesAtOnce: boolean;
}

export interface SlotPlan {
  readonly changes: readonly Change[];
  /** What stays placed, with what is adopted. */
  readonly kept: readonly Placed[];
  readonly adopted: readonly Placed[];
  /** Placements that no longer take anything of their cell. */
  readonly released: readonly Placed[];
  readonly want: Want | undefined;
  /** Wall clock, ms: when waiting after a crash ends. */
  readonly retryAtMs: number | undefined;
  /** Nothing is known of it, and too little time has passed since the store was lost to start it. */
  readonly held: boolean;
}

/** What to do about one desired index, but for the choice of a cell. */
export function planSlot(slot: Slot, process: DesiredProcess, index: number, context: PlanContext): SlotPlan {
  return new SlotPlanner(slot, process, index, context).plan();
}

/** Why an index waits; without `delayMs` for ever. */
interface BackOff extends Pick<Want, 'crashCount' | 'pullFailures' | 'crashReason'> {
  readonly delayMs: number | undefined;
}

export interface PlanContext {
  readonly now: Now;
  /** The store was lost lately: what is not known to run may run all the same. */
  readonly holding: boolean;
}

class SlotPlanner {
  readonly #slot: Slot;
  readonly #process: DesiredProcess;
  readonly #index: number;
  readonly #context: PlanContext;
  readonly #changes: Change[] = [];
  readonly #kept: Placed[] = [];
  readonly #adopted: Placed[] = [];
  readonly #released: Placed[] = [];
  readonly #crashed: Placed[] = [];
  /** On cells that may keep them. */
  readonly #staying: Placed[] = [];
  /** On lost or evacuating cells. */
  readonly #leaving: Placed[] = [];

  constructor(slot: Slot, process: DesiredProcess, index: number, context: PlanContext) {
    this.#slot = slot;
    this.#process = process;
    this.#index = index;
    this.#context = context;
  }

  plan(): SlotPlan {
    this.#sort();
    this.#adopt();
    const current = this.#keepBest(this.#staying);
    const old = this.#keepBest(this.#leaving);
    const outcome = current === undefined ? this.#restart(old) : this.#settle(current, old);
    return {
      changes: this.#changes,
      kept: this.#kept,
      adopted: this.#adopted,
      released: this.#released,
      want: undefined,
      retryAtMs: undefined,
      held: false,
      ...outcome,
    };
  }

  #sort(): void {
    for (const placed of this.#slot.placed) {
      if (this.#mayRunLess && this.#isRetired(placed.placement.instanceGuid)) this.#remove('retired', placed);
      else if (hasCrashed(placed)) this.#crashed.push(placed);
      else (isLeaving(placed.where) ? this.#leaving : this.#staying).push(placed);
    }
  }

  /** At most one stray gets a placement; the others are told to stop. */
  #adopt(): void {
    const { lrp } = this.#process;
    const [best] = this.#slot.strays
      .filter(({ instance }) => !this.#isRetired(instance.instanceGuid))
      .toSorted(strayByWorth);
    const adopted = best !== undefined && this.#mayAdopt(best) ? best : undefined;
    if (adopted !== undefined) {
      const placed = adoption(adopted, lrp, this.#context.now);
      this.#adopted.push(placed);
      (isLeaving(placed.where) ? this.#leaving : this.#staying).push(placed);
      this.#change('adopt', [], { key: placed.key, value: placed.placement });
    }
    if (!this.#mayRunLess) return;
    for (const { instance } of this.#slot.strays) {
      if (instance === adopted?.instance) continue;
      this.#change('surplus', [{ key: keys.placed(instance.cellId, instance.instanceGuid) }]);
    }
  }

  /** What is about to run only where nothing else is; what runs wins over all that does not. */
  #mayAdopt({ instance, where }: Stray): boolean {
    if (instance.state !== 'RUNNING') {
      return this.#staying.length + this.#leaving.length === 0 && this.#slot.waiting === undefined;
    }
    if (this.#staying.length > 0) return this.#mayRunLess && !this.#staying.some(isRunning);
    return !isLeaving(where) || !this.#leaving.some(isRunning);
  }

  #keepBest(candidates: readonly Placed[]): Placed | undefined {
    const [best, ...rest] = candidates.toSorted(byWorth);
    for (const placed of rest) {
      if (this.#mayRunLess) this.#remove('duplicate', placed);
      else this.#kept.push(placed);
    }
    return best;
  }

  /** The index has its placement: what it had before goes. */
  #settle(current: Placed, old: Placed | undefined): Partial<SlotPlan> {
    this.#kept.push(current);
    if (old !== undefined) {
      if (this.#mayRunLess && (isRunning(current) || startsForNothing(old))) this.#remove('replaced', old);
      else this.#kept.push(old);
    }
    for (const placed of this.#crashed) this.#remove('clean-up', placed);
    const { waiting } = this.#slot;
    if (waiting !== undefined) this.#change('clean-up', [{ key: waiting.key, revision: waiting.revision }]);
    return {};
  }

  /** Nothing is placed on a cell that stays: after a crash, in waiting, or never started. */
  #restart(old: Placed | undefined): Partial<SlotPlan> {
    const { waiting } = this.#slot;
    const { now, holding } = this.#context;
    if (old !== undefined) this.#kept.push(old);
    const wanted = {
      lrp: this.#process.lrp,
      index: this.#index,
      waiting,
      leaving: old,
      leavesAtOnce: old !== undefined && this.#mayRunLess && startsForNothing(old),
      crashed: this.#crashed,
    };
    const latest = this.#crashed.toSorted(byWorth).at(-1);
    if (latest !== undefined) {
      this.#released.push(...this.#crashed);
      const crash = latest.instance?.crash;
      const { crashCount, pullFailures = 0 } = latest.placement;
      if (crash?.phase === 'pull') {
        const failures = pullFailures + 1;
        const delayMs = pullBackoffMs(failures);
        return this.#backOff({ crashCount, pullFailures: failures, delayMs, crashReason: crash.reason });
      }
      const after = afterCrash(crashCount, crash?.ranMs ?? 0);
      const told = { crashCount: after.crashCount, pullFailures: 0, crashReason: crash?.reason };
      if (after.restart === 'now') return { want: { ...wanted, reason: 'restart', ...told } };
      return this.#backOff({ ...told, delayMs: after.restart === 'later' ? after.delayMs : undefined });
    }
    if (waiting !== undefined) {
      const { state, retryAt, crashCount, pullFailures = 0, crashReason } = waiting.record;
      if (state === 'CRASHED') {
        if (retryAt === undefined) return {};
        const retryAtMs = Date.parse(retryAt);
        if (retryAtMs > now.wallMs) return { retryAtMs };
      }
      return { want: { ...wanted, reason: 'retry', crashCount, pullFailures, crashReason } };
    }
    const fresh = { ...wanted, pullFailures: 0, crashReason: undefined };
    if (old !== undefined) return { want: { ...fresh, reason: 'replace', crashCount: old.placement.crashCount } };
    if (holding) return { held: true };
    return { want: { ...fresh, reason: 'start', crashCount: 0 } };
  }

  #backOff({ crashCount, pullFailures, delayMs, crashReason }: BackOff): Partial<SlotPlan> {
    const { waiting } = this.#slot;
    const { wallMs } = this.#context.now;
    const { processGuid } = this.#process.lrp;
    const retryAtMs = delayMs === undefined ? undefined : wallMs + delayMs;
    const value: Unplaced = {
      v: 1,
      kind: 'unplaced',
      processGuid,
      index: this.#index,
      state: 'CRASHED',
      crashCount,
      ...(pullFailures === 0 ? {} : { pullFailures }),
      ...(crashReason === undefined ? {} : { crashReason }),
      since: new Date(wallMs).toISOString(),
      ...(retryAtMs === undefined ? {} : { retryAt: new Date(retryAtMs).toISOString() }),
    };
    this.#change('back-off', this.#crashed.map(removalOf), {
      key: keys.unplaced(processGuid, this.#index),
      value,
      ...(waiting === undefined ? {} : { over: waiting.revision }),
    });
    return { retryAtMs };
  }

  get #mayRunLess(): boolean {
    return this.#process.mayRunLess;
  }

  #isRetired(instanceGuid: string): boolean {
    return this.#process.lrp.retire?.includes(instanceGuid) === true;
  }

  #remove(reason: ChangeReason, placed: Placed): void {
    this.#released.push(placed);
    this.#change(reason, [removalOf(placed)]);
  }

  #change(reason: ChangeReason, removes: readonly RecordToRemove[], write?: RecordToWrite): void {
    const { processGuid } = this.#process.lrp;
    this.#changes.push({
      reason,
      processGuid,
      index: this.#index,
      removes,
      ...(write === undefined ? {} : { write }),
    });
  }
}

export function removalOf({ key, revision }: Placed): RecordToRemove {
  return revision === undefined ? { key } : { key, revision };
}

function adoption({ instance, where }: Stray, lrp: DesiredLrp, now: Now): Placed {
  const placement: Placement = {
    v: 1,
    kind: 'placed',
    processGuid: lrp.processGuid,
    index: instance.index,
    instanceGuid: instance.instanceGuid,
    cellId: instance.cellId,
    crashCount: 0,
    placedAt: new Date(now.wallMs).toISOString(),
    memoryMb: lrp.resources.memoryMb,
    diskMb: lrp.resources.diskMb,
  };
  return { key: keys.placed(instance.cellId, instance.instanceGuid), revision: undefined, placement, instance, where };
}
