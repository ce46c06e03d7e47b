import { setTimeout as delay } from 'node:timers/promises';
import type { DesiredLrp, Placement } from '@slipway/contracts';
import { describeError } from '@slipway/service-kit';
import { type CrashCause, exitLine } from '../domain/crash.ts';
import type { LocalInstance } from '../domain/decide.ts';
import { sameEgress, withEgressOf } from '../domain/same-egress.ts';
import { RepError } from '../errors.ts';
import { bringUp } from './bring-up.ts';
import { InstanceBook } from './instance-book.ts';
import type { InstanceDeps } from './instance-deps.ts';
import { InstanceLog } from './instance-log.ts';
import type { Notes } from './notes.ts';
import type { Container, ContainerExit } from './ports.ts';
import { deleteContainer, endProcess, GRACE_MS } from './take-down.ts';
import { type Ending, watch } from './watch.ts';

/** `startedAt`: of its process, wall-clock milliseconds. */
export type Origin =
  | { readonly kind: 'placed'; readonly placement: Placement; readonly lrp: DesiredLrp }
  | { readonly kind: 'adopted'; readonly notes: Notes; readonly container: Container; readonly startedAt: number };

/** A container whose process was started. */
interface Started {
  readonly container: Container;
  /** Wall-clock milliseconds. */
  readonly startedAt: number;
}

// What an ended process wrote is in the pipes already; this only bounds a reader that hangs.
const DRAIN_MS = 2_000;
// The pipes of a sidecar that ended stay open with the container, so nothing tells that its last words were read. Only
// the order of the lines depends on it.
const LAST_WORDS_MS = 100;

/**
 * One instance on this cell, from its placement to its removal. All that is done to its container is done here, one
 * thing after the other; `stop` cuts short whatever is under way.
 */
export class InstanceRunner {
  readonly #deps: InstanceDeps;
  readonly #guid: string;
  readonly #book: InstanceBook;
  readonly #log: InstanceLog;
  readonly #stopping = new AbortController();
  readonly #leaving = new AbortController();
  readonly #halt = AbortSignal.any([this.#stopping.signal, this.#leaving.signal]);
  readonly #ended: Promise<void>;
  #container: Container | undefined;
  #started: Started | undefined;
  /** `performance.now()`; undefined of what a rep before this one began. */
  #beganAt: number | undefined;
  #exit: ContainerExit | undefined;
  /** When the app, or the first of its sidecars, ended by itself. */
  #endedAt: number | undefined;
  #reading: Promise<void> = Promise.resolve();
  #gone = false;
  #placementDeleted = false;

  constructor(origin: Origin, deps: InstanceDeps) {
    this.#deps = deps;
    const { placement, lrp } = origin.kind === 'placed' ? origin : origin.notes;
    this.#guid = placement.instanceGuid;
    this.#book = new InstanceBook(placement, lrp, origin.kind === 'adopted' ? origin.notes : undefined, deps);
    const { instanceGuid, index } = placement;
    const logged = { cellId: deps.cellId, instanceGuid, index, lrp: () => this.#book.lrp };
    this.#log = new InstanceLog(logged, deps.logLimits, deps.emitLog);
    if (origin.kind === 'adopted') {
      this.#container = origin.container;
      this.#setStarted({ container: origin.container, startedAt: origin.startedAt });
    }
    if (this.#book.record.state === 'STOPPING') this.stop();
    this.#ended = this.#run();
  }

  /** When nothing is left to do: it crashed and its container is gone, or it was stopped, or left. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  get local(): LocalInstance {
    return {
      record: this.#book.record,
      lrp: this.#book.lrp,
      contained: !this.#gone,
      stopping: this.#stopping.signal.aborted,
      placementDeleted: this.#placementDeleted,
    };
  }

  /** For what it uses; undefined when nothing of it runs. */
  get started(): Started | undefined {
    return this.#gone ? undefined : this.#started;
  }

  get logBytes(): number {
    return this.#log.bytes;
  }

  /** Remembers that the placement's deletion was seen, also when the bucket with the marker is lost. */
  notePlacement(seen: 'placed' | 'deleted'): void {
    this.#placementDeleted = seen === 'deleted';
  }

  /** Says in its log what the cell has to say of it, as `Cell <id> <what> <guid>`. */
  tell(what: string): void {
    this.#log.cell(what);
  }

  /** Removes all of it. */
  stop(): void {
    this.#stopping.abort(new Error('the instance is stopped'));
  }

  /** Lets go of it for the next rep; what is only half there is undone. */
  leave(): void {
    this.#leaving.abort(new Error('the rep stops'));
  }

  /** Takes over what changes in place: routes, what may be reached, and what the image is pulled with. */
  async updateLrp(lrp: DesiredLrp): Promise<void> {
    const before = this.#book.lrp;
    this.#book.updateLrp(lrp);
    await this.#allow(before);
    await this.#annotate();
  }

  /** What may be reached, unless it is as before. */
  async #allow(before: DesiredLrp): Promise<void> {
    const { lrp } = this.#book;
    if (this.#container === undefined || this.#gone || sameEgress(before, lrp)) return;
    try {
      await this.#container.allow(lrp.egress);
    } catch (error) {
      this.#deps.logger.error({ err: error, instanceGuid: this.#guid }, 'instance.egress-not-set');
      // The next comparison finds that it differs.
      if (this.#book.lrp === lrp) this.#book.updateLrp(withEgressOf(lrp, before));
    }
  }

  async #run(): Promise<void> {
    try {
      if (!this.#halt.aborted && this.#book.crash === undefined) {
        const cause = await this.#live();
        if (cause !== undefined && !this.#halt.aborted) {
          this.#book.noteCrash(cause, this.#endedAt ?? Date.now());
          await this.#annotate();
        }
      }
      if (!this.#halt.aborted) await this.#buryCrashed();
    } catch (error) {
      if (!this.#halt.aborted) this.#deps.logger.error({ err: error, instanceGuid: this.#guid }, 'instance.lost');
    }
    try {
      if (this.#stopping.signal.aborted) await this.#takeDown();
    } catch (error) {
      if (!this.#leaving.signal.aborted) {
        this.#deps.logger.error({ err: error, instanceGuid: this.#guid }, 'instance.not-removed');
      }
    } finally {
      this.#log.close();
    }
  }

  /** Until it crashes, and of what; undefined when it was halted. */
  async #live(): Promise<CrashCause | undefined> {
    try {
      const started = this.#started ?? (await this.#bringUp());
      if ('cause' in started) return started.cause;
      const ending = await watch(
        {
          lrp: () => this.#book.lrp,
          ...started,
          wasRunning: this.#book.record.state === 'RUNNING',
          wasRoutable: this.#book.record.routable,
          log: this.#log,
          onRunning: async () => {
            this.#book.apply({ type: 'running', ready: this.#book.lrp.readinessCheck === undefined });
            if (this.#beganAt !== undefined) this.#deps.onStep('total', performance.now() - this.#beganAt);
            await this.#annotate();
          },
          onReadiness: async (ready) => {
            this.#book.apply({ type: 'readiness', ready });
            await this.#annotate();
          },
        },
        this.#deps,
        this.#halt,
      );
      if (ending?.exit !== undefined) await this.#noteExit(ending.exit, false);
      if (ending?.sidecar !== undefined) await this.#noteSidecarExit(ending.sidecar);
      if (ending?.cause.phase === 'health-check') this.#deps.onStepFailed('healthy', neverHealthy(ending.cause));
      return ending?.cause;
    } catch (error) {
      if (this.#halt.aborted) return undefined;
      this.#deps.logger.error({ err: error, instanceGuid: this.#guid }, 'instance.watch-failed');
      return { phase: 'run', unhealthy: describeError(error) };
    }
  }

  async #bringUp(): Promise<Started | { readonly cause: CrashCause }> {
    const before = this.#book.lrp;
    this.#beganAt = performance.now();
    const result = await bringUp(this.#book, this.#log, this.#deps, this.#halt, (container) => {
      this.#container = container;
    });
    if ('cause' in result) return result;
    // It may have changed while the container was made.
    await this.#allow(before);
    const started = { container: result.container, startedAt: Date.now() };
    this.#setStarted(started);
    await this.#annotate();
    return started;
  }

  #setStarted(started: Started): void {
    this.#started = started;
    this.#reading = this.#read(started.container);
  }

  /**
   * The process ends, NATS is told, the container goes: in this order, so that a rep that dies in between loses nothing.
   * A stop meanwhile finds the same to do; it only no longer waits for NATS.
   */
  async #buryCrashed(): Promise<void> {
    if (this.#book.crash === undefined) return;
    const leaving = this.#leaving.signal;
    await this.#end(leaving);
    this.#book.tellCrash();
    await this.#deps.records.settled(this.#guid, this.#halt);
    if (this.#container !== undefined) await deleteContainer(this.#container, this.#log, this.#deps, leaving);
    this.#gone = true;
  }

  async #takeDown(): Promise<void> {
    this.#book.apply({ type: 'stopping' });
    await this.#annotate();
    if (this.#container !== undefined && !this.#gone) {
      await this.#deps.flushRoutes();
      this.#log.cell('stopping instance');
      await this.#end(this.#leaving.signal);
      await deleteContainer(this.#container, this.#log, this.#deps, this.#leaving.signal);
    }
    this.#gone = true;
    this.#deps.records.remove(this.#guid);
  }

  /** Ends the process, unless it has ended or was never started. What fails here is left to the deletion. */
  async #end(signal: AbortSignal): Promise<void> {
    if (this.#started === undefined || this.#exit !== undefined) return;
    try {
      const { exit, killed } = await endProcess(this.#started.container, this.#book.lrp.action.stopSignal, signal);
      if (exit === undefined) this.#log.aside('process did not exit');
      else await this.#noteExit(exit, killed);
    } catch (error) {
      signal.throwIfAborted();
      this.#deps.logger.error({ err: error, instanceGuid: this.#guid }, 'instance.end-failed');
    }
  }

  async #noteExit(exit: ContainerExit, killed: boolean): Promise<void> {
    this.#exit = exit;
    this.#endedAt ??= exit.at;
    await Promise.race([this.#reading, delay(DRAIN_MS, undefined, { ref: false })]);
    this.#log.aside(exitLine(exit, killed ? { graceMs: GRACE_MS } : undefined));
  }

  async #noteSidecarExit({ sourceType, exit }: NonNullable<Ending['sidecar']>): Promise<void> {
    this.#endedAt = exit.at;
    await delay(LAST_WORDS_MS, undefined, { ref: false });
    this.#log.aside(exitLine(exit, undefined), sourceType);
  }

  async #read(container: Container): Promise<void> {
    try {
      await container.readLines((lines) => {
        for (const line of lines) this.#log.app(line);
        return this.#log.room(this.#deps.logRoom);
      }, this.#leaving.signal);
    } catch (error) {
      if (this.#leaving.signal.aborted) return;
      this.#deps.logger.error({ err: error, instanceGuid: this.#guid }, 'instance.log-lost');
    }
  }

  async #annotate(): Promise<void> {
    if (this.#container !== undefined && !this.#gone) await this.#book.annotate(this.#container);
  }
}

/** For the count of failures: it took too long, or it ended before. */
function neverHealthy(cause: CrashCause): Error {
  return 'error' in cause ? new RepError('REP_STEP_TIMEOUT', cause.error) : new Error('it ended before it was healthy');
}
