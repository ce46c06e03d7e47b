import { type Bus, KvView } from '@slipway/bus';
import { buckets, type DesiredTask, keys, type TaskRecord, type TaskState } from '@slipway/contracts';
import type { TaskKnowledge } from '../domain/decide-tasks.ts';

type FromBus = Pick<TaskKnowledge, 'desired' | 'fresh' | 'complete' | 'deleted' | 'records'>;

/** What NATS says of tasks; before the first connection nothing, and nothing is fresh. */
export class TaskViews {
  readonly #cellId: string;
  readonly #onChange: () => void;
  #desired: KvView<TaskRecord> | undefined;
  #states: KvView<TaskRecord> | undefined;

  constructor(cellId: string, onChange: () => void) {
    this.#cellId = cellId;
    this.#onChange = onChange;
  }

  /** Resolves when both are complete. */
  async attach(bus: Bus): Promise<void> {
    const onChange = this.#onChange;
    [this.#desired, this.#states] = await Promise.all([
      KvView.open<TaskRecord>(bus, buckets.tasks, {
        filter: keys.desiredTasks,
        trackDeleted: true,
        onChange: (change) => {
          // Every cell hears of every task; most changes are of another's.
          const { value } = change ?? {};
          if (value?.kind === 'desired' && value.cellId !== this.#cellId) return;
          onChange();
        },
      }),
      KvView.open<TaskRecord>(bus, buckets.tasks, { filter: keys.taskStatesOf(this.#cellId), onChange }),
    ]);
    onChange();
  }

  read(now: number): FromBus {
    const [desired, states] = [this.#desired, this.#states];
    if (desired === undefined || states === undefined) {
      return { desired: new Map(), fresh: false, complete: false, deleted: new Set(), records: new Map() };
    }
    const tasks = new Map<string, DesiredTask>();
    for (const { value } of desired.entries.values()) if (value.kind === 'desired') tasks.set(value.taskGuid, value);
    const records = new Map<string, TaskState>();
    for (const { value } of states.entries.values()) if (value.kind === 'state') records.set(value.taskGuid, value);
    const fresh = desired.fresh && states.fresh;
    return {
      desired: tasks,
      fresh,
      // A record that does not parse may be the one that is missed.
      complete: fresh && desired.invalidKeys.size === 0 && isDomainFresh(desired, now),
      deleted: { has: (taskGuid) => desired.deleted.has(keys.desiredTask(taskGuid)) },
      records,
    };
  }

  close(): void {
    this.#desired?.close();
    this.#states?.close();
  }
}

/** Cloud Controller said, after all tasks, that there are no others; and not long ago. */
function isDomainFresh(view: KvView<TaskRecord>, now: number): boolean {
  const marker = view.entries.get(keys.tasksDomain);
  return marker?.value.kind === 'freshness' && now - marker.receivedAt < marker.value.ttlMs;
}
