import type { TaskState } from '@slipway/contracts';
import type { InstanceDeps } from './instance-deps.ts';

/** What every task of a cell shares: what instances do, and where tasks are remembered and told. */
export interface TaskDeps {
  readonly instances: InstanceDeps;
  readonly ledger: {
    get(taskGuid: string): TaskState | undefined;
    readonly current: readonly TaskState[];
    /** On disk when it returns. */
    write(state: TaskState): void;
    retire(taskGuid: string, now: number): void;
    prune(now: number): void;
  };
  readonly records: {
    set(state: TaskState): void;
    repair(state: TaskState): void;
    remove(taskGuid: string): void;
  };
}
