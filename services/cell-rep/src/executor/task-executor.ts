import type { DesiredTask, TaskState } from '@slipway/contracts';
import type { LocalTask, TaskAction } from '../domain/decide-tasks.ts';
import { claimTask, completeTask, TASK_CANCELLED, TASK_GONE } from '../domain/task-state.ts';
import { isOfTask } from './notes.ts';
import type { TaskDeps } from './task-deps.ts';
import { TaskRunner } from './task-runner.ts';

/** Every task that this rep runs, and those that have a result that somebody may ask for. */
export class TaskExecutor {
  readonly #deps: TaskDeps;
  readonly #runners = new Map<string, TaskRunner>();
  readonly #completed = new Map<string, TaskState>();

  constructor(deps: TaskDeps) {
    this.#deps = deps;
  }

  get local(): ReadonlyMap<string, LocalTask> {
    const local = new Map<string, LocalTask>();
    for (const [guid, state] of this.#completed) local.set(guid, { state, cancelling: false, dropping: false });
    for (const [guid, runner] of this.#runners) local.set(guid, runner.local);
    return local;
  }

  /** Takes over what the rep before left. What was started and is not here any more has failed. */
  async adopt(): Promise<void> {
    const { instances, ledger } = this.#deps;
    for (const { container, state, notes } of await instances.containers.list()) {
      if (!isOfTask(notes)) continue;
      const { taskGuid } = notes.task;
      instances.logger.info({ taskGuid, state }, 'task.adopted');
      this.#hold(taskGuid, new TaskRunner({ task: notes.task, found: { container, state } }, this.#deps));
    }
    for (const state of ledger.current) {
      if (this.#runners.has(state.taskGuid)) continue;
      this.#complete(completeTask(state, { failed: true, reason: TASK_GONE }, Date.now()));
    }
  }

  /** Into the log of a task that is held here; nothing for others. */
  tell(taskGuid: string, what: string): void {
    this.#runners.get(taskGuid)?.tell(what);
  }

  apply(action: TaskAction): void {
    switch (action.kind) {
      case 'start':
        this.#hold(action.task.taskGuid, new TaskRunner({ task: action.task }, this.#deps));
        return;
      case 'recall':
        this.#complete(action.state);
        return;
      case 'lost':
        this.#fail(action.task, TASK_GONE);
        return;
      case 'cancel': {
        const runner = this.#runners.get(action.task.taskGuid);
        this.#deps.instances.logger.info({ taskGuid: action.task.taskGuid }, 'task.cancel');
        if (runner === undefined) this.#fail(action.task, TASK_CANCELLED);
        else runner.cancel();
        return;
      }
      case 'update':
        void this.#runners.get(action.task.taskGuid)?.update(action.task);
        return;
      case 'drop':
        void this.#drop(action.taskGuid);
        return;
      case 'publish':
        this.#publish(action.taskGuid);
        return;
      case 'delete-record':
        this.#deps.records.remove(action.taskGuid);
        return;
    }
  }

  /** Forgets what nobody can ask for any more. */
  prune(): void {
    this.#deps.ledger.prune(Date.now());
  }

  /** Leaves all that runs to the next rep. */
  async leave(): Promise<void> {
    for (const runner of this.#runners.values()) runner.leave();
    await this.#allEnded();
  }

  /** Ends all of them, and takes their records back. Who withdraws the cell says with it that they are lost. */
  async destroy(): Promise<void> {
    for (const runner of this.#runners.values()) runner.drop();
    await this.#allEnded();
    for (const guid of this.local.keys()) this.#deps.records.remove(guid);
  }

  async #allEnded(): Promise<void> {
    await Promise.all([...this.#runners.values()].map((runner) => runner.ended));
  }

  #fail(task: DesiredTask, reason: string): void {
    const { cellId } = this.#deps.instances;
    const claimed = claimTask(task, cellId, Date.now());
    this.#complete(completeTask(claimed, { failed: true, reason }, Date.now()));
  }

  #complete(state: TaskState): void {
    try {
      this.#deps.ledger.write(state);
    } catch (error) {
      this.#deps.instances.logger.error({ err: error, taskGuid: state.taskGuid }, 'task.result-not-kept');
    }
    this.#completed.set(state.taskGuid, state);
    this.#deps.records.set(state);
    this.#deps.instances.onChange();
  }

  #publish(taskGuid: string): void {
    const state = this.#runners.get(taskGuid)?.local.state ?? this.#completed.get(taskGuid);
    if (state !== undefined) this.#deps.records.repair(state);
  }

  /** What it started is remembered for a while: it must not start again, should it be asked for once more. */
  async #drop(taskGuid: string): Promise<void> {
    const runner = this.#runners.get(taskGuid);
    runner?.drop();
    await runner?.ended;
    if (runner !== undefined && this.#runners.get(taskGuid) !== runner) return;
    this.#runners.delete(taskGuid);
    this.#completed.delete(taskGuid);
    try {
      this.#deps.ledger.retire(taskGuid, Date.now());
    } catch (error) {
      // It is remembered for longer than it must be.
      this.#deps.instances.logger.error({ err: error, taskGuid }, 'task.not-retired');
    }
    this.#deps.records.remove(taskGuid);
    this.#deps.instances.onChange();
  }

  #hold(taskGuid: string, runner: TaskRunner): void {
    this.#runners.set(taskGuid, runner);
    void runner.ended.then(() => this.#deps.instances.onChange());
    this.#deps.instances.onChange();
  }
}
