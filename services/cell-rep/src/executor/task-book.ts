import type { DesiredTask, TaskState } from '@slipway/contracts';
import { withEgressOf } from '../domain/same-egress.ts';
import { taskEnvironment } from '../domain/task-environment.ts';
import { claimTask, completeTask, startTask, type TaskResult } from '../domain/task-state.ts';
import type { Rising } from './bring-up.ts';
import type { TaskNotes } from './notes.ts';
import type { Workload } from './ports.ts';
import type { TaskDeps } from './task-deps.ts';

/** What is known of one task. The ledger is written before anybody is told, so that no rep forgets what it said. */
export class TaskBook implements Rising {
  #task: DesiredTask;
  readonly #deps: TaskDeps;
  #state: TaskState;

  constructor(task: DesiredTask, deps: TaskDeps) {
    this.#task = task;
    this.#deps = deps;
    this.#state = deps.ledger.get(task.taskGuid) ?? claimTask(task, deps.instances.cellId, Date.now());
    deps.records.set(this.#state);
  }

  get guid(): string {
    return this.#task.taskGuid;
  }

  get task(): DesiredTask {
    return this.#task;
  }

  /** In place: what it may reach. */
  update(task: DesiredTask): void {
    this.#task = withEgressOf(this.#task, task);
  }

  get state(): TaskState {
    return this.#state;
  }

  /** No ports, and no check but that of its end. */
  get lrp(): Workload {
    const { app, image, action, files, volumes, resources, log, metricTags } = this.task;
    const given = { app, image, action, files, volumes, resources, log, metricTags };
    return withEgressOf<Workload>({ ...given, ports: [], healthCheck: { type: 'process' } }, this.task);
  }

  /** How far it is on its way up is told to nobody. */
  apply(): void {}

  environment(address: string): Record<string, string> {
    return taskEnvironment(this.task, address);
  }

  notes(): TaskNotes {
    return { v: 1, kind: 'task', task: this.task };
  }

  /** Its process is about to be started, for the first and last time. */
  async annotate(): Promise<void> {
    this.#become(startTask(this.#state, Date.now()));
  }

  complete(result: TaskResult): void {
    const state = completeTask(this.#state, result, Date.now());
    try {
      this.#become(state);
    } catch (error) {
      // A full disk must not keep the result from those who wait for it: only a rep after this one would not know it.
      this.#deps.instances.logger.error({ err: error, taskGuid: this.guid }, 'task.result-not-kept');
      this.#tell(state);
    }
  }

  #become(state: TaskState): void {
    if (state === this.#state) return;
    this.#deps.ledger.write(state);
    this.#tell(state);
  }

  #tell(state: TaskState): void {
    this.#state = state;
    this.#deps.instances.logger.info({ taskGuid: this.guid, state: state.state, result: state.result }, 'task.state');
    this.#deps.records.set(state);
    this.#deps.instances.onChange();
  }
}
