import { setTimeout as delay } from 'node:timers/promises';
import type { DesiredTask } from '@slipway/contracts';
import { describeError } from '@slipway/service-kit';
import { exitLine } from '../domain/crash.ts';
import type { LocalTask } from '../domain/decide-tasks.ts';
import { sameEgress } from '../domain/same-egress.ts';
import {
  resultOfExit,
  resultOfFailure,
  TASK_CANCELLED,
  TASK_CELL_GONE,
  TASK_GONE,
  type TaskResult,
} from '../domain/task-state.ts';
import { bringUp } from './bring-up.ts';
import { InstanceLog } from './instance-log.ts';
import type { Container, ContainerExit, FoundContainer } from './ports.ts';
import { deleteContainer, endProcess, GRACE_MS } from './take-down.ts';
import { TaskBook } from './task-book.ts';
import type { TaskDeps } from './task-deps.ts';

// What an ended process wrote is in the pipes already; this only bounds a reader that hangs.
const DRAIN_MS = 2_000;

/** `found`: what the rep before left of it. */
export interface TaskOrigin {
  readonly task: DesiredTask;
  readonly found?: Pick<FoundContainer, 'container' | 'state'>;
}

/** One task on this cell: it is brought up once, ends, tells its result, and its container goes. */
export class TaskRunner {
  readonly #deps: TaskDeps;
  readonly #book: TaskBook;
  readonly #log: InstanceLog;
  readonly #cancelling = new AbortController();
  readonly #dropping = new AbortController();
  readonly #leaving = new AbortController();
  /** It shall not go on. */
  readonly #halt = AbortSignal.any([this.#cancelling.signal, this.#dropping.signal, this.#leaving.signal]);
  readonly #ended: Promise<void>;
  #container: Container | undefined;
  #reading: Promise<void> = Promise.resolve();

  constructor({ task, found }: TaskOrigin, deps: TaskDeps) {
    this.#deps = deps;
    this.#book = new TaskBook(task, deps);
    const { cellId, logLimits, emitLog } = deps.instances;
    const logged = { cellId, instanceGuid: task.taskGuid, index: 0, lrp: () => this.#book.lrp };
    this.#log = new InstanceLog(logged, logLimits, emitLog);
    this.#container = found?.container;
    this.#ended = this.#run(found);
  }

  /** When its container is gone, or it was left to the next rep. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  get local(): LocalTask {
    return {
      state: this.#book.state,
      ...(this.#book.state.state === 'COMPLETED' ? {} : { task: this.#book.task }),
      cancelling: this.#cancelling.signal.aborted,
      dropping: this.#dropping.signal.aborted,
    };
  }

  /** Takes over what changes in place: what it may reach. */
  async update(task: DesiredTask): Promise<void> {
    const before = this.#book.task;
    this.#book.update(task);
    if (this.#container === undefined || this.#book.state.state === 'COMPLETED') return;
    try {
      await this.#container.allow(task.egress);
    } catch (error) {
      this.#deps.instances.logger.error({ err: error, taskGuid: this.#book.guid }, 'task.egress-not-set');
      // The next comparison finds that it differs.
      this.#book.update(before);
    }
  }

  /** Says in its log what the cell has to say of it. */
  tell(what: string): void {
    this.#log.cell(what);
  }

  /** Ends it, with a result. */
  cancel(): void {
    this.#cancelling.abort(new Error('the task is cancelled'));
  }

  /** Ends it, for nobody asks for its result. */
  drop(): void {
    this.#dropping.abort(new Error('the task is no longer desired'));
  }

  /** Lets go of it for the next rep. */
  leave(): void {
    this.#leaving.abort(new Error('the rep stops'));
  }

  async #run(found: TaskOrigin['found']): Promise<void> {
    const { logger } = this.#deps.instances;
    try {
      if (this.#book.state.state !== 'COMPLETED') {
        const result = await this.#live(found);
        if (result !== undefined) this.#book.complete(result);
      }
      if (this.#container !== undefined && !this.#leaving.signal.aborted) {
        await deleteContainer(this.#container, this.#log, this.#deps.instances, this.#leaving.signal);
      }
    } catch (error) {
      if (!this.#leaving.signal.aborted) logger.error({ err: error, taskGuid: this.#book.guid }, 'task.lost');
    } finally {
      this.#log.close();
    }
  }

  /** What came of it; undefined when it was left. */
  async #live(found: TaskOrigin['found']): Promise<TaskResult | undefined> {
    if (found?.state === 'lost') return { failed: true, reason: TASK_GONE };
    try {
      const started = found?.container ?? (await this.#bringUp());
      if ('result' in started) return started.result;
      this.#reading = this.#read(started);
      return await this.#follow(started);
    } catch (error) {
      if (this.#leaving.signal.aborted) return undefined;
      if (this.#halt.aborted) return this.#halted();
      this.#deps.instances.logger.error({ err: error, taskGuid: this.#book.guid }, 'task.watch-failed');
      return { failed: true, reason: describeError(error) };
    }
  }

  async #bringUp(): Promise<Container | { readonly result: TaskResult }> {
    const before = this.#book.task;
    const brought = await bringUp(this.#book, this.#log, this.#deps.instances, this.#halt, (container) => {
      this.#container = container;
    });
    // It may have changed while the container was made.
    if (!sameEgress(before, this.#book.task)) await this.update(this.#book.task);
    if ('cause' in brought) return { result: resultOfFailure(brought.cause, this.#book.task) };
    return brought.container;
  }

  async #follow(container: Container): Promise<TaskResult | undefined> {
    const exit = await untilHalted(container.exited(), this.#halt);
    if (exit !== undefined) {
      await this.#noteExit(exit, false);
      return resultOfExit(exit, this.#book.task);
    }
    if (this.#leaving.signal.aborted) return undefined;
    this.#log.cell('stopping instance');
    const ended = await endProcess(container, this.#book.task.action.stopSignal, this.#leaving.signal);
    if (ended.exit === undefined) this.#log.aside('process did not exit');
    else await this.#noteExit(ended.exit, ended.killed);
    return this.#halted();
  }

  /** Who asked for its end is told so; when nobody did, its cell goes, or nobody asks for a result. */
  #halted(): TaskResult {
    return { failed: true, reason: this.#cancelling.signal.aborted ? TASK_CANCELLED : TASK_CELL_GONE };
  }

  async #noteExit(exit: ContainerExit, killed: boolean): Promise<void> {
    await Promise.race([this.#reading, delay(DRAIN_MS, undefined, { ref: false })]);
    this.#log.aside(exitLine(exit, killed ? { graceMs: GRACE_MS } : undefined));
  }

  async #read(container: Container): Promise<void> {
    try {
      await container.readLines((lines) => {
        for (const line of lines) this.#log.app(line);
        return this.#log.room(this.#deps.instances.logRoom);
      }, this.#leaving.signal);
    } catch (error) {
      if (this.#leaving.signal.aborted) return;
      this.#deps.instances.logger.error({ err: error, taskGuid: this.#book.guid }, 'task.log-lost');
    }
  }
}

/** Undefined when the signal aborts first. What has ended already has ended, whatever the signal says. */
async function untilHalted(exited: Promise<ContainerExit>, halt: AbortSignal): Promise<ContainerExit | undefined> {
  const { promise: halted, resolve } = Promise.withResolvers<undefined>();
  const onAbort = (): void => resolve(undefined);
  halt.addEventListener('abort', onAbort, { once: true });
  try {
    if (halt.aborted) setImmediate(onAbort);
    return await Promise.race([exited, halted]);
  } finally {
    halt.removeEventListener('abort', onAbort);
  }
}
