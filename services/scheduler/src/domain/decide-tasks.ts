import { type DesiredTask, keys, type TaskPlacement, type TaskRefused, type TaskState } from '@slipway/contracts';
import type { CellStatuses } from './cell-status.ts';
import type { TaskChange, TaskChangeReason } from './change.ts';
import type { ClusterState, Now } from './cluster-state.ts';
import { type Fleet, type Share, Spread } from './fleet.ts';

/** BBS: `kick_task_duration`, so often at most a refusal is counted. */
export const REFUSAL_INTERVAL_MS = 30_000;
/** BBS: `tasks.max_retries`, after the first try. */
export const MAX_RETRIES = 3;
/** BBS's word for a task whose cell is gone. */
export const CELL_LOST = 'cell disappeared before completion';

interface Said {
  readonly key: string;
  readonly revision: number;
  readonly placement: TaskPlacement;
}

/** A task for which a cell is wanted. */
interface TaskWant {
  readonly task: DesiredTask;
  /** What was said of it before. */
  readonly said: Said | undefined;
}

export interface TaskPlan {
  readonly changes: readonly TaskChange[];
  readonly wants: readonly TaskWant[];
  /** What tasks take of their cells. */
  readonly shares: readonly Share[];
}

const NOTHING: TaskPlan = { changes: [], wants: [], shares: [] };

/**
 * What each task has and lacks, but for the choice of a cell. While the views are not current nothing is said of any:
 * tasks can wait.
 */
export function planTasks(state: ClusterState, cells: CellStatuses, now: Now): TaskPlan {
  const { desired, said, states } = sortRecords(state);
  const shares = [...desired.values()].flatMap((task) => shareOf(task, said.get(task.taskGuid), states));
  if (!state.fresh) return { ...NOTHING, shares };
  const changes: TaskChange[] = [];
  const wants: TaskWant[] = [];
  for (const [taskGuid, { key, revision }] of said) {
    if (!desired.has(taskGuid)) changes.push({ reason: 'clean-up', taskGuid, removes: [{ key, revision }] });
  }
  for (const task of desired.values()) {
    const { taskGuid, cellId } = task;
    const before = said.get(taskGuid);
    if (cellId === undefined) {
      if (!task.cancel && isWanted(before, cells)) wants.push({ task, said: before });
      continue;
    }
    // A result that its cell still could tell counts more than the loss of the cell.
    const over = states.get(taskGuid)?.state === 'COMPLETED' || hasFailedOn(before, cellId);
    if (over || cells.of(cellId) !== 'absent') continue;
    const failedAt = new Date(now.wallMs).toISOString();
    changes.push(saying('lose', before, { v: 1, kind: 'failed', taskGuid, reason: CELL_LOST, cellId, failedAt }));
  }
  return { changes, wants, shares };
}

export interface TaskChoices {
  readonly changes: readonly TaskChange[];
  /** When time alone may change them. */
  readonly lookAgainInMs: number | undefined;
}

/** Gives cells to tasks, the large before the small (Diego's auction), and says why the rest has none. */
export function chooseTaskCells({ wants, shares }: TaskPlan, fleet: Fleet, now: Now): TaskChoices {
  const spread = new Spread();
  for (const { cellId } of shares) spread.add(cellId);
  const changes: TaskChange[] = [];
  let lookAgainInMs: number | undefined;
  for (const { task, said } of wants.toSorted(byUrgency)) {
    const { taskGuid } = task;
    const cellId = fleet.choose(task, spread, 'as-one');
    if (cellId !== undefined) {
      const placed = { v: 1, kind: 'placed', taskGuid, cellId, placedAt: new Date(now.wallMs).toISOString() } as const;
      fleet.occupy({ ...resourcesOf(task), cellId, starting: true });
      spread.add(cellId);
      changes.push(saying('place', said, placed));
      continue;
    }
    const { placementError, refusedBy } = fleet.explain(task);
    const refused = said?.placement.kind === 'refused' ? said.placement : undefined;
    const countsInMs = refused === undefined ? 0 : Date.parse(refused.refusedAt) + REFUSAL_INTERVAL_MS - now.wallMs;
    const waitMs = countsInMs > 0 ? countsInMs : REFUSAL_INTERVAL_MS;
    lookAgainInMs = Math.min(lookAgainInMs ?? Number.POSITIVE_INFINITY, waitMs);
    if (countsInMs <= 0) changes.push({ ...refusal(task, said, refused, placementError, now), refusedBy });
  }
  return { changes, lookAgainInMs };
}

function refusal(
  { taskGuid }: DesiredTask,
  said: Said | undefined,
  before: TaskRefused | undefined,
  reason: string,
  now: Now,
): TaskChange {
  const at = new Date(now.wallMs).toISOString();
  const refusals = (before?.refusals ?? 0) + 1;
  return refusals > MAX_RETRIES
    ? saying('give-up', said, { v: 1, kind: 'failed', taskGuid, reason, failedAt: at })
    : saying('refuse', said, { v: 1, kind: 'refused', taskGuid, reason, refusals, refusedAt: at });
}

/** Does it still lack a cell? A proposal holds until its cell is no longer to be had. */
function isWanted(said: Said | undefined, cells: CellStatuses): boolean {
  switch (said?.placement.kind) {
    case 'placed': {
      const where = cells.of(said.placement.cellId);
      return where === 'absent' || where === 'evacuating';
    }
    case 'failed':
      // Of a cell that it was given to in a life before this one: the database was put back.
      return said.placement.cellId !== undefined;
    default:
      return true;
  }
}

function hasFailedOn(said: Said | undefined, cellId: string): boolean {
  return said?.placement.kind === 'failed' && said.placement.cellId === cellId;
}

function shareOf(task: DesiredTask, said: Said | undefined, states: ReadonlyMap<string, TaskState>): Share[] {
  const proposed = said?.placement.kind === 'placed' && !task.cancel ? said.placement.cellId : undefined;
  const cellId = task.cellId ?? proposed;
  const state = states.get(task.taskGuid);
  if (cellId === undefined || state?.state === 'COMPLETED' || hasFailedOn(said, cellId)) return [];
  return [{ ...resourcesOf(task), cellId, starting: state?.state !== 'RUNNING' }];
}

function resourcesOf({ resources }: DesiredTask): Omit<Share, 'cellId' | 'starting'> {
  return { memoryMb: resources.memoryMb, diskMb: resources.diskMb };
}

function saying(reason: TaskChangeReason, said: Said | undefined, value: TaskPlacement): TaskChange {
  const { taskGuid } = value;
  const over = said === undefined ? {} : { over: said.revision };
  return { reason, taskGuid, write: { key: keys.taskPlacement(taskGuid), value, ...over }, removes: [] };
}

/** The guid makes the order total. */
function byUrgency({ task: a }: TaskWant, { task: b }: TaskWant): number {
  return b.resources.memoryMb - a.resources.memoryMb || (a.taskGuid < b.taskGuid ? -1 : 1);
}

interface Records {
  readonly desired: ReadonlyMap<string, DesiredTask>;
  readonly said: ReadonlyMap<string, Said>;
  /** Only of the cell that the task was given to. */
  readonly states: ReadonlyMap<string, TaskState>;
}

/** What lies under a key that is not its own is nothing. */
function sortRecords({ tasks }: ClusterState): Records {
  const desired = new Map<string, DesiredTask>();
  const said = new Map<string, Said>();
  const states = new Map<string, TaskState>();
  for (const [key, { value, revision }] of tasks) {
    if (value.kind === 'freshness') continue;
    const { taskGuid } = value;
    if (value.kind === 'desired') {
      if (key === keys.desiredTask(taskGuid)) desired.set(taskGuid, value);
    } else if (value.kind === 'state') {
      const given = tasks.get(keys.desiredTask(taskGuid))?.value;
      const own = given?.kind === 'desired' && given.cellId === value.cellId;
      if (own && key === keys.taskState(value.cellId, taskGuid)) states.set(taskGuid, value);
    } else if (key === keys.taskPlacement(taskGuid)) said.set(taskGuid, { key, revision, placement: value });
  }
  return { desired, said, states };
}
