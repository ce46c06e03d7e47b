import { keys, type Placement, type Unplaced } from '@slipway/contracts';
import { type CellStatus, CellStatuses } from './cell-status.ts';
import type { Change, ChangeReason, RecordToRemove, TaskChange } from './change.ts';
import type { ClusterState, Now } from './cluster-state.ts';
import { chooseTaskCells, planTasks } from './decide-tasks.ts';
import { type DesiredState, readDesired } from './desired-state.ts';
import { Fleet, type Share, Spread } from './fleet.ts';
import { type Inventory, type Placed, type Slot, takeInventory } from './inventory.ts';
import { recoveryPhase } from './recovery.ts';
import { planSlot, removalOf, type Want } from './slot-plan.ts';

export interface Decision {
  readonly changes: readonly Change[];
  readonly taskChanges: readonly TaskChange[];
  /** When time alone may change the decision. */
  readonly lookAgainInMs: number | undefined;
  /** False: the store's loss, if there was one, is behind us, and `recovery` is to be dropped from the state. */
  readonly recovering: boolean;
  readonly summary: {
    readonly cells: Readonly<Record<CellStatus, number>>;
    /** Indices that wait for the cells to report, after the store was lost. */
    readonly held: number;
    /** Instances on lost or evacuating cells for which there is no room elsewhere. */
    readonly stranded: number;
  };
}

const EMPTY_SLOT: Slot = { placed: [], strays: [], waiting: undefined };

/**
 * What to change so that what is desired runs. Pure and total: the same state, time and guids give the same changes,
 * and after they are applied there are none left. First it settles what each index has and lacks, then it gives cells to
 * what lacks one, index 0 first, then tasks, then the rest, the large before the small, then it says why the rest has none.
 */
export function decide(state: ClusterState, now: Now, newGuid: () => string): Decision {
  const cells = new CellStatuses(state, now);
  const desired = readDesired(state, now);
  const inventory = takeInventory(state, cells);
  const fleet = new Fleet(cells.available(), cells.passedOver());
  const recovery = recoveryPhase(state, cells, now);
  const spreads = new Map<string, Spread>();
  const wants: Want[] = [];
  const changes: Change[] = [];
  let held = 0;
  let stranded = 0;
  let lookAgainInMs = recovery.holding ? recovery.endsInMs : undefined;
  const lookAgainIn = (ms: number): void => {
    lookAgainInMs = Math.min(lookAgainInMs ?? Number.POSITIVE_INFINITY, ms);
  };

  for (const slots of inventory.values()) {
    for (const slot of slots.values()) for (const placed of slot.placed) fleet.occupy(shareOf(placed));
  }
  const tasks = planTasks(state, cells, now);
  for (const share of tasks.shares) fleet.occupy(share);
  changes.push(...removeUnwanted(inventory, desired, fleet));
  for (const [processGuid, process] of desired.processes) {
    const slots = inventory.get(processGuid);
    const spread = new Spread();
    spreads.set(processGuid, spread);
    for (let index = 0; index < process.lrp.instances; index++) {
      const slot = slots?.get(index) ?? EMPTY_SLOT;
      const plan = planSlot(slot, process, index, { now, holding: recovery.holding });
      changes.push(...plan.changes);
      for (const placed of plan.adopted) fleet.occupy(shareOf(placed));
      for (const placed of plan.released) fleet.release(shareOf(placed));
      for (const placed of plan.kept) spread.add(placed.placement.cellId);
      if (plan.want !== undefined) wants.push(plan.want);
      if (plan.held) held++;
      if (plan.retryAtMs !== undefined) lookAgainIn(Math.max(plan.retryAtMs - now.wallMs, 0));
    }
  }

  const refused: Want[] = [];
  const give = (want: Want): void => {
    const spread = spreads.get(want.lrp.processGuid) ?? new Spread();
    const cellId = fleet.choose(want.lrp, spread);
    if (cellId === undefined) {
      refused.push(want);
      return;
    }
    const placement = place(want, cellId, newGuid(), now);
    fleet.occupy({ ...placement, starting: true });
    spread.add(cellId);
    changes.push(placing(want, placement));
  };
  const [first, others] = [wants.filter(({ index }) => index === 0), wants.filter(({ index }) => index > 0)];
  for (const want of first.sort(byUrgency)) give(want);
  // After a loss of the store it is not known yet what the cells have.
  const chosen = chooseTaskCells(recovery.holding ? { ...tasks, wants: [] } : tasks, fleet, now);
  if (chosen.lookAgainInMs !== undefined) lookAgainIn(chosen.lookAgainInMs);
  for (const want of others.sort(byUrgency)) give(want);
  for (const want of refused) {
    if (want.leaving !== undefined) stranded++;
    const change = waiting(want, fleet, now);
    if (change !== undefined) changes.push(change);
  }
  if (cells.nextChangeInMs !== undefined) lookAgainIn(cells.nextChangeInMs);
  return {
    changes,
    taskChanges: [...tasks.changes, ...chosen.changes],
    lookAgainInMs,
    recovering: recovery.holding,
    summary: { cells: cells.count(), held, stranded },
  };
}

/** What is placed, or waits, for no desired index: too high an index, or a process that is gone. */
function removeUnwanted(inventory: Inventory, desired: DesiredState, fleet: Fleet): Change[] {
  const changes: Change[] = [];
  for (const [processGuid, slots] of inventory) {
    const process = desired.processes.get(processGuid);
    const orphan = process === undefined && desired.isUnwanted(processGuid);
    for (const [index, slot] of slots) {
      const extra = process?.mayRunLess === true && index >= process.lrp.instances;
      if (!orphan && !extra) continue;
      const change = (reason: ChangeReason, removal: RecordToRemove): void => {
        changes.push({ reason, processGuid, index, removes: [removal] });
      };
      const reason = orphan ? 'orphan' : 'extra';
      for (const placed of slot.placed) {
        change(reason, removalOf(placed));
        fleet.release(shareOf(placed));
      }
      if (slot.waiting !== undefined) change(reason, { key: slot.waiting.key, revision: slot.waiting.revision });
      for (const { instance } of slot.strays) {
        change('surplus', { key: keys.placed(instance.cellId, instance.instanceGuid) });
      }
    }
  }
  return changes;
}

/** Diego's order in a batch. The guid makes it total. */
function byUrgency(a: Want, b: Want): number {
  return (
    a.index - b.index ||
    b.lrp.resources.memoryMb - a.lrp.resources.memoryMb ||
    (a.lrp.processGuid < b.lrp.processGuid ? -1 : 1)
  );
}

function shareOf({ placement, instance }: Placed): Share {
  return { ...placement, starting: instance?.state !== 'RUNNING' && instance?.state !== 'CRASHED' };
}

function place(
  { lrp, index, crashCount, pullFailures }: Want,
  cellId: string,
  instanceGuid: string,
  now: Now,
): Placement {
  return {
    v: 1,
    kind: 'placed',
    processGuid: lrp.processGuid,
    index,
    instanceGuid,
    cellId,
    crashCount,
    ...(pullFailures === 0 ? {} : { pullFailures }),
    placedAt: new Date(now.wallMs).toISOString(),
    memoryMb: lrp.resources.memoryMb,
    diskMb: lrp.resources.diskMb,
  };
}

function placing(want: Want, placement: Placement): Change {
  const removes = want.crashed.map(removalOf);
  if (want.waiting !== undefined) removes.push({ key: want.waiting.key, revision: want.waiting.revision });
  if (want.leaving !== undefined && want.leavesAtOnce) removes.push(removalOf(want.leaving));
  return {
    reason: want.reason,
    processGuid: placement.processGuid,
    index: placement.index,
    write: { key: keys.placed(placement.cellId, placement.instanceGuid), value: placement },
    removes,
  };
}

/** Writes down why it runs nowhere, unless that is what stands there already. */
function waiting(want: Want, fleet: Fleet, now: Now): Change | undefined {
  const { lrp, index, crashCount, pullFailures, crashReason } = want;
  const { processGuid } = lrp;
  const before = want.waiting;
  // Its old instance is still there, on a cell that is lost or evacuating; a record would say that it runs nowhere.
  if (want.leaving !== undefined && before === undefined && want.crashed.length === 0) return undefined;
  const { placementError, refusedBy } = fleet.explain(lrp);
  const same = before?.record.state === 'UNCLAIMED' && before.record.placementError === placementError;
  if (same && want.crashed.length === 0) return undefined;
  const since = before?.record.state === 'UNCLAIMED' && want.crashed.length === 0 ? before.record.since : undefined;
  const value: Unplaced = {
    v: 1,
    kind: 'unplaced',
    processGuid,
    index,
    state: 'UNCLAIMED',
    placementError,
    crashCount,
    ...(pullFailures === 0 ? {} : { pullFailures }),
    ...(crashReason === undefined ? {} : { crashReason }),
    since: since ?? new Date(now.wallMs).toISOString(),
    // At any time: when a cell has room.
    retryAt: since ?? new Date(now.wallMs).toISOString(),
  };
  return {
    reason: 'unplaceable',
    processGuid,
    index,
    write: {
      key: keys.unplaced(processGuid, index),
      value,
      ...(before === undefined ? {} : { over: before.revision }),
    },
    removes: want.crashed.map(removalOf),
    refusedBy,
  };
}
