import { decideTasks, type TaskKnowledge } from '../domain/decide-tasks.ts';
import type { TaskExecutor } from './task-executor.ts';

/** Diego's bulk loop. */
const INTERVAL_MS = 30_000;

export interface TaskReconcilerOptions {
  readonly cellId: string;
  readonly executor: TaskExecutor;
  readonly read: (now: number) => Omit<TaskKnowledge, 'cellId' | 'local' | 'ledger'>;
  readonly ledger: TaskKnowledge['ledger'];
}

/** Compares the tasks that this cell shall run with those that it has, at each change and every 30 s. */
export class TaskReconciler {
  readonly #options: TaskReconcilerOptions;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Immediate | undefined;
  #stopped = true;

  constructor(options: TaskReconcilerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#stopped = false;
    this.#timer = setInterval(() => this.trigger(), INTERVAL_MS);
    this.trigger();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    if (this.#soon !== undefined) clearImmediate(this.#soon);
  }

  /** Soon, once for all that happens until then. */
  trigger(): void {
    if (this.#stopped || this.#soon !== undefined) return;
    this.#soon = setImmediate(() => {
      this.#soon = undefined;
      const { cellId, executor, read, ledger } = this.#options;
      const known = { ...read(performance.now()), cellId, local: executor.local, ledger };
      for (const action of decideTasks(known)) executor.apply(action);
      executor.prune();
    });
  }
}
