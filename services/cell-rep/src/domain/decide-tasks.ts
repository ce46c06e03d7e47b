import type { DesiredTask, TaskState } from '@slipway/contracts';
import { sameEgress } from './same-egress.ts';

/** A task as this rep holds it. */
export interface LocalTask {
  readonly state: TaskState;
  /** As last seen; absent once it has a result. */
  readonly task?: DesiredTask;
  /** It is being ended, with a result. */
  readonly cancelling: boolean;
  /** It is being removed, for nobody asks for its result. */
  readonly dropping: boolean;
}

/** All that is known of tasks, at one moment. Keys of the maps are task guids. */
export interface TaskKnowledge {
  readonly cellId: string;
  /** Of all cells. */
  readonly desired: ReadonlyMap<string, DesiredTask>;
  /** Connected, and everything that the bucket holds has been read. */
  readonly fresh: boolean;
  /** As above, and Cloud Controller says that all tasks that there are lie in the bucket. */
  readonly complete: boolean;
  /** A deletion marker of the desired task was seen. */
  readonly deleted: { has(taskGuid: string): boolean };
  readonly local: ReadonlyMap<string, LocalTask>;
  /** What this cell ever started and still remembers, also what nobody asks for any more. */
  readonly ledger: { get(taskGuid: string): TaskState | undefined };
  /** This cell's records in the bucket. */
  readonly records: ReadonlyMap<string, TaskState>;
}

export type TaskAction =
  | { readonly kind: 'start'; readonly task: DesiredTask }
  /** To hold, and to tell: what came of it is known. */
  | { readonly kind: 'recall'; readonly state: TaskState }
  /** The bucket says that it ran here, and nothing of it is left. */
  | { readonly kind: 'lost'; readonly task: DesiredTask }
  /** It shall end; what was never started too has a result then. */
  | { readonly kind: 'cancel'; readonly task: DesiredTask }
  /** What it may reach changed in place. */
  | { readonly kind: 'update'; readonly task: DesiredTask }
  /** Nobody asks for it any more. */
  | { readonly kind: 'drop'; readonly taskGuid: string }
  /** The bucket does not say what this rep says. */
  | { readonly kind: 'publish'; readonly taskGuid: string }
  /** A record of nothing. */
  | { readonly kind: 'delete-record'; readonly taskGuid: string };

/**
 * What to do about the tasks that were given to this cell. Pure and total. Nothing is started unless the views are
 * current, and nothing of which the ledger, the bucket or the rep itself knows that it was started before. Removing a task
 * needs proof that it is no longer desired: a deletion marker, or a complete bucket without it.
 */
export function decideTasks(known: TaskKnowledge): readonly TaskAction[] {
  if (!known.fresh) return [];
  const { local, records } = known;
  const actions: TaskAction[] = [];
  for (const [guid, task] of known.desired) {
    if (task.cellId === known.cellId && !local.has(guid)) actions.push(takeUp(task, known));
  }
  for (const [guid, { state, task: held, cancelling, dropping }] of local) {
    const task = known.desired.get(guid);
    if (isGone(guid, known)) {
      if (!dropping) actions.push({ kind: 'drop', taskGuid: guid });
      continue;
    }
    if (task?.cancel === true && !cancelling && state.state !== 'COMPLETED') actions.push({ kind: 'cancel', task });
    if (task !== undefined && held !== undefined && !sameEgress(task, held)) actions.push({ kind: 'update', task });
    if (!sameState(records.get(guid), state)) actions.push({ kind: 'publish', taskGuid: guid });
  }
  for (const guid of records.keys()) {
    if (!local.has(guid) && isGone(guid, known)) actions.push({ kind: 'delete-record', taskGuid: guid });
  }
  return actions;
}

function takeUp(task: DesiredTask, { ledger, records }: TaskKnowledge): TaskAction {
  const remembered = ledger.get(task.taskGuid) ?? records.get(task.taskGuid);
  if (remembered?.state === 'COMPLETED') return { kind: 'recall', state: remembered };
  if (remembered?.state === 'RUNNING') return { kind: 'lost', task };
  return task.cancel ? { kind: 'cancel', task } : { kind: 'start', task };
}

/** Certainly not desired here any more. */
function isGone(guid: string, { cellId, desired, deleted, complete }: TaskKnowledge): boolean {
  const task = desired.get(guid);
  if (task !== undefined) return task.cellId !== cellId;
  return deleted.has(guid) || complete;
}

function sameState(a: TaskState | undefined, b: TaskState): boolean {
  return a !== undefined && a.state === b.state && a.since === b.since;
}
