import type { TaskPlacement, TaskState } from '@slipway/contracts';

export type TaskApiState = 'PENDING' | 'RUNNING' | 'CANCELING' | 'SUCCEEDED' | 'FAILED';

/** BBS's words. */
const CANCELLED = 'task was cancelled';
/** BBS: `expire_pending_task_duration`. */
const MAX_PENDING_MS = 1_800_000;

/** What SQL says of a task. */
export interface TaskStanding {
  readonly state: TaskApiState;
  /** The cell that it was given to. */
  readonly cellId: string | null;
}

/** What the bus says of it. */
export interface TaskReport {
  readonly placement: TaskPlacement | undefined;
  readonly states: readonly TaskState[];
}

export type TaskStep =
  | { readonly kind: 'none' }
  /** From now on this cell may start it, and never another. */
  | { readonly kind: 'give'; readonly cellId: string }
  | { readonly kind: 'finish'; readonly failed: boolean; readonly reason: string | null };

const NONE: TaskStep = { kind: 'none' };

export function isTerminal(state: TaskApiState): boolean {
  return state === 'SUCCEEDED' || state === 'FAILED';
}

/**
 * What becomes of a task by what is said of it. Decided in the transaction that writes it down, so that of several reports
 * the first to be committed counts and the others change nothing.
 */
export function nextTaskStep({ state, cellId }: TaskStanding, { placement, states }: TaskReport): TaskStep {
  if (isTerminal(state)) return NONE;
  if (cellId === null) {
    // Nobody has it yet, and now nobody will.
    if (state === 'CANCELING') return failed(CANCELLED);
    if (placement?.kind === 'placed') return { kind: 'give', cellId: placement.cellId };
    if (placement?.kind === 'failed' && placement.cellId === undefined) return failed(placement.reason);
    return NONE;
  }
  const result = states.find((told) => told.cellId === cellId && told.state === 'COMPLETED')?.result;
  if (result !== undefined) return { kind: 'finish', failed: result.failed, reason: result.reason ?? null };
  if (placement?.kind === 'failed' && placement.cellId === cellId) return failed(placement.reason);
  return NONE;
}

/** What becomes of a task that waited too long. */
export const EXPIRY: TaskStep = { kind: 'finish', failed: true, reason: 'not started within time limit' };

/** A task that was created before this, and still waits for a cell, has waited too long. */
export function expiredBefore(now: Date): string {
  return new Date(now.getTime() - MAX_PENDING_MS).toISOString();
}

function failed(reason: string): TaskStep {
  return { kind: 'finish', failed: true, reason };
}
