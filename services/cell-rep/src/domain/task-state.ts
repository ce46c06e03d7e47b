import type { DesiredTask, TaskState } from '@slipway/contracts';
import { type CrashCause, describeCrash, type Exit } from './crash.ts';

export type TaskResult = NonNullable<TaskState['result']>;

/** BBS's words. */
export const TASK_CANCELLED = 'task was cancelled';
export const TASK_CELL_GONE = 'cell disappeared before completion';
/** It was started here, and how it ended nobody saw. */
export const TASK_GONE = 'task container does not exist';

export function claimTask({ taskGuid }: Pick<DesiredTask, 'taskGuid'>, cellId: string, now: number): TaskState {
  return { v: 1, kind: 'state', taskGuid, cellId, state: 'CLAIMED', since: new Date(now).toISOString() };
}

/** About to be started: from here on it is never started again. */
export function startTask(state: TaskState, now: number): TaskState {
  return state.state === 'CLAIMED' ? { ...state, state: 'RUNNING', since: new Date(now).toISOString() } : state;
}

/** The first result stands. */
export function completeTask(state: TaskState, result: TaskResult, now: number): TaskState {
  if (state.state === 'COMPLETED') return state;
  return { ...state, state: 'COMPLETED', since: new Date(now).toISOString(), result };
}

/** Status 0 is success; the texts of failures are the executor's, as those of crashes. */
export function resultOfExit(exit: Exit, task: Pick<DesiredTask, 'log'>): TaskResult {
  const exitStatus = exit.status === undefined ? {} : { exitStatus: exit.status };
  if (exit.status === 0) return { failed: false, ...exitStatus };
  return { ...resultOfFailure({ phase: 'run', exit }, task), ...exitStatus };
}

export function resultOfFailure(cause: CrashCause, task: Pick<DesiredTask, 'log'>): TaskResult {
  return { failed: true, reason: describeCrash(cause, task, 0).reason };
}
