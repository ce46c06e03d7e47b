import { type Bus, KvView } from '@slipway/bus';
import { buckets, keys, type TaskRecord, type TaskState } from '@slipway/contracts';
import type { TaskReport } from '../../domain/task/task-state.ts';
import { GroupIndex } from './group-index.ts';

/** What the scheduler and the cells say of tasks; kept in memory, never written. */
export class TaskReports {
  readonly #placements: KvView<TaskRecord>;
  readonly #states: KvView<TaskRecord>;
  readonly #statesByTask: GroupIndex<TaskState>;

  private constructor(placements: KvView<TaskRecord>, states: KvView<TaskRecord>, statesByTask: GroupIndex<TaskState>) {
    this.#placements = placements;
    this.#states = states;
    this.#statesByTask = statesByTask;
  }

  /** Resolves when the first snapshots are complete. `onReport` gets the guid of each task of which something new is said. */
  static async open(bus: Bus, onReport: (taskGuid: string) => void): Promise<TaskReports> {
    const statesByTask = new GroupIndex<TaskState>(({ taskGuid }) => taskGuid);
    const follow = async (filter: string, take: (key: string, value: TaskRecord | undefined) => void) => {
      let view: KvView<TaskRecord> | undefined;
      // The first snapshot is complete before `view` is there.
      const takeAll = (): void => {
        for (const [key, { value }] of view?.entries ?? []) take(key, value);
      };
      view = await KvView.open<TaskRecord>(bus, buckets.tasks, {
        filter,
        onChange: (change) => (change === undefined ? takeAll() : take(change.key, change.value)),
      });
      takeAll();
      return view;
    };
    const tell = (value: TaskRecord | undefined): void => {
      if (value !== undefined && value.kind !== 'freshness') onReport(value.taskGuid);
    };
    const states = await follow(keys.taskStatesOf('*'), (key, value) => {
      statesByTask.set(key, value?.kind === 'state' ? value : undefined);
      tell(value);
    });
    const placements = await follow(keys.taskPlacements, (_, value) => tell(value));
    return new TaskReports(placements, states, statesByTask);
  }

  reportOf(taskGuid: string): TaskReport {
    const said = this.#placements.get(keys.taskPlacement(taskGuid));
    const placement = said?.kind === 'placed' || said?.kind === 'refused' || said?.kind === 'failed' ? said : undefined;
    // What the last snapshot no longer has was only not taken out of the index.
    const states = this.#statesByTask
      .get(taskGuid)
      .filter(({ cellId }) => this.#states.get(keys.taskState(cellId, taskGuid)) !== undefined);
    return { placement, states };
  }

  close(): void {
    this.#placements.close();
    this.#states.close();
  }
}
