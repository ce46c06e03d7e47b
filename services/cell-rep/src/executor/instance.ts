import { setTimeout as delay } from 'node:timers/promises';
import type { DesiredLrp, Instance, Placement } from '@slipway/contracts';
import { describeError } from '@slipway/service-kit';
import { type CrashCause, describeCrash, exitLine } from '../domain/crash.ts';
import type { LocalInstance } from '../domain/decide.ts';
import { type Crash, claim, type InstanceEvent, transition } from '../domain/instance-state.ts';
import { routesOf } from '../domain/routes.ts';
import { bringUp } from './bring-up.ts';
import type { InstanceDeps } from './instance-deps.ts';
import { InstanceLog } from './instance-log.ts';
import type { Notes } from './notes.ts';
import type { Container, ContainerExit } from './ports.ts';
import { deleteContainer, endProcess, GRACE_MS } from './take-down.ts';
import { watch } from './watch.ts';

/** `startedAt`: of its process, wall-clock milliseconds. */
export type Origin =
  | { readonly kind: 'placed'; readonly placement: Placement; readonly lrp: DesiredLrp }
  | { readonly kind: 'adopted'; readonly notes: Notes; readonly container: Container; readonly startedAt: number };

// What an ended process wrote is in the pipes already; this only bounds a reader that hangs.
const DRAIN_MS = 2_000;

/**
 * One instance on this cell, from its placement to its removal. All that is done to its container is done here, one
 * thing after the other; `stop` cuts short whatever is under way.
 */
export class InstanceRunner {
  readonly #deps: InstanceDeps;
  readonly #placement: Placement;
  readonly #log: InstanceLog;
  readonly #stopping = new AbortController();
  readonly #leaving = new AbortController();
  readonly #halt = AbortSignal.any([this.#stopping.signal, this.#leaving.signal]);
  readonly #ended: Promise<void>;
  #lrp: DesiredLrp;
  #record: Instance;
  /** Known, but not told before its process is gone. */
  #crash: Crash | undefined;
  #container: Container | undefined;
  /** When its process was started, wall-clock milliseconds. */
  #startedAt: number | undefined;
  #exit: ContainerExit | undefined;
  #reading: Promise<void> = Promise.resolve();
  #annotating: Promise<void> = Promise.resolve();
  #gone = false;
  #placementDeleted = false;

  constructor(origin: Origin, deps: InstanceDeps) {
    this.#deps = deps;
    const { placement, lrp } = origin.kind === 'placed' ? origin : origin.notes;
    this.#placement = placement;
    this.#lrp = lrp;
    const { instanceGuid, index } = placement;
    this.#log = new InstanceLog({ cellId: deps.cellId, instanceGuid, index, lrp: () => this.#lrp }, deps.emitLog);
    if (origin.kind === 'placed') this.#record = claim(placement, lrp, Date.now());
    else {
      this.#record = origin.notes.record;
      this.#crash = origin.notes.record.crash;
      this.#container = origin.container;
      this.#startedAt = origin.startedAt;
    }
    if (this.#record.state === 'STOPPING') this.stop();
    this.publish();
    this.#setRoutes();
    this.#ended = this.#run();
  }

  /** When nothing is left to do: it crashed and its container is gone, or it was stopped, or left. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  get local(): LocalInstance {
    return {
      record: this.#record,
      lrp: this.#lrp,
      contained: !this.#gone,
      stopping: this.#stopping.signal.aborted,
      placementDeleted: this.#placementDeleted,
    };
  }

  /** For what it uses: its container, while it has one, and when its process was started (wall-clock milliseconds). */
  get started(): { readonly container: Container; readonly startedAt: number } | undefined {
    if (this.#container === undefined || this.#startedAt === undefined || this.#gone) return undefined;
    return { container: this.#container, startedAt: this.#startedAt };
  }

  get logBytes(): number {
    return this.#log.bytes;
  }

  /** Remembers that the placement's deletion was seen, also when the bucket with the marker is lost. */
  notePlacement(seen: 'placed' | 'deleted'): void {
    this.#placementDeleted = seen === 'deleted';
  }

  /** Removes all of it. */
  stop(): void {
    this.#stopping.abort(new Error('the instance is stopped'));
  }

  /** Lets go of it for the next rep; what is only half there is undone. */
  leave(): void {
    this.#leaving.abort(new Error('the rep stops'));
  }

  /** Takes over what changes in place: routes. */
  async updateLrp(lrp: DesiredLrp): Promise<void> {
    this.#lrp = lrp;
    this.#setRoutes();
    await this.#annotate();
  }

  publish(): void {
    this.#deps.records.set(this.#record);
  }

  async #run(): Promise<void> {
    const { instanceGuid } = this.#placement;
    if (this.#container !== undefined) this.#reading = this.#read(this.#container);
    try {
      if (!this.#halt.aborted && this.#crash === undefined) {
        const cause = await this.#live();
        if (cause !== undefined && !this.#halt.aborted) await this.#noteCrash(cause);
      }
      if (!this.#halt.aborted) await this.#buryCrashed();
    } catch (error) {
      if (!this.#halt.aborted) this.#deps.logger.error({ err: error, instanceGuid }, 'instance.lost');
    }
    try {
      if (this.#stopping.signal.aborted) await this.#takeDown();
    } catch (error) {
      if (!this.#leaving.signal.aborted) this.#deps.logger.error({ err: error, instanceGuid }, 'instance.not-removed');
    } finally {
      this.#log.close();
      this.#deps.onChange();
    }
  }

  /** Until it crashes, and of what; undefined when it was halted. */
  async #live(): Promise<CrashCause | undefined> {
    try {
      if (this.#container === undefined) {
        const failed = await bringUp(
          {
            lrp: this.#lrp,
            instanceGuid: this.#placement.instanceGuid,
            index: this.#placement.index,
            log: this.#log,
            notes: () => this.#notes(),
            onEvent: (event) => this.#apply(event),
            onContainer: (container) => {
              this.#container = container;
            },
          },
          this.#deps,
          this.#halt,
        );
        if (failed !== undefined) return failed;
        this.#startedAt = Date.now();
        this.#reading = this.#read(this.#container as unknown as Container);
        await this.#annotate();
      }
      const ending = await watch(
        {
          lrp: () => this.#lrp,
          container: this.#container as Container,
          startedAt: this.#startedAt as number,
          wasRunning: this.#record.state === 'RUNNING',
          log: this.#log,
          onRunning: async () => {
            this.#apply({ type: 'running' });
            this.#setRoutes();
            await this.#annotate();
          },
        },
        this.#deps,
        this.#halt,
      );
      if (ending?.exit !== undefined) await this.#noteExit(ending.exit, false);
      return ending?.cause;
    } catch (error) {
      if (this.#halt.aborted) return undefined;
      const { instanceGuid } = this.#placement;
      this.#deps.logger.error({ err: error, instanceGuid }, 'instance.watch-failed');
      return { phase: 'run', unhealthy: describeError(error) };
    }
  }

  async #noteCrash(cause: CrashCause): Promise<void> {
    const { state, since } = this.#record;
    const endedAt = this.#exit?.at ?? Date.now();
    const ranMs = state === 'RUNNING' ? endedAt - Date.parse(since) : 0;
    this.#crash = describeCrash(cause, this.#lrp, ranMs);
    this.#apply({ type: 'routable', routable: false });
    this.#setRoutes();
    await this.#annotate();
  }

  /**
   * The process ends, NATS is told, the container goes: in this order, so that a rep that dies in between loses nothing.
   * A stop meanwhile finds the same to do; it only no longer waits for NATS.
   */
  async #buryCrashed(): Promise<void> {
    if (this.#crash === undefined) return;
    const leaving = this.#leaving.signal;
    await this.#end(leaving);
    this.#apply({ type: 'crashed', crash: this.#crash });
    await this.#deps.records.settled(this.#placement.instanceGuid, this.#halt);
    if (this.#container !== undefined) await deleteContainer(this.#container, this.#log, this.#deps, leaving);
    this.#gone = true;
  }

  async #takeDown(): Promise<void> {
    const { instanceGuid } = this.#placement;
    this.#apply({ type: 'stopping' });
    this.#setRoutes();
    await this.#annotate();
    if (this.#container !== undefined && !this.#gone) {
      await this.#deps.flushRoutes();
      this.#log.cell('stopping instance');
      await this.#end(this.#leaving.signal);
      await deleteContainer(this.#container, this.#log, this.#deps, this.#leaving.signal);
    }
    this.#gone = true;
    this.#deps.records.remove(instanceGuid);
  }

  /** Ends the process, unless it has ended or was never started. What fails here is left to the deletion. */
  async #end(signal: AbortSignal): Promise<void> {
    if (this.#container === undefined || this.#startedAt === undefined || this.#exit !== undefined) return;
    try {
      const { exit, killed } = await endProcess(this.#container, this.#lrp.action.stopSignal, signal);
      if (exit === undefined) this.#log.aside('process did not exit');
      else await this.#noteExit(exit, killed);
    } catch (error) {
      signal.throwIfAborted();
      const { instanceGuid } = this.#placement;
      this.#deps.logger.error({ err: error, instanceGuid }, 'instance.end-failed');
    }
  }

  async #noteExit(exit: ContainerExit, killed: boolean): Promise<void> {
    this.#exit = exit;
    await Promise.race([this.#reading, delay(DRAIN_MS, undefined, { ref: false })]);
    this.#log.aside(exitLine(exit, killed ? { graceMs: GRACE_MS } : undefined));
  }

  async #read(container: Container): Promise<void> {
    try {
      await container.readLines((lines) => {
        for (const line of lines) this.#log.app(line);
        return this.#deps.logRoom();
      }, this.#leaving.signal);
    } catch (error) {
      if (this.#leaving.signal.aborted) return;
      const { instanceGuid } = this.#placement;
      this.#deps.logger.error({ err: error, instanceGuid }, 'instance.log-lost');
    }
  }

  #apply(event: InstanceEvent): void {
    const next = transition(this.#record, event, Date.now());
    if (next === this.#record) return;
    this.#record = next;
    const { instanceGuid, processGuid, index, state, phase } = next;
    this.#deps.logger.info(
      { instanceGuid, processGuid, index, state, phase, crash: next.crash },
      `instance.${event.type}`,
    );
    this.publish();
    this.#deps.onChange();
  }

  #setRoutes(): void {
    this.#deps.setRoutes(this.#placement.instanceGuid, routesOf(this.#lrp, this.#record, this.#deps.zone));
  }

  #notes(): Notes {
    const record =
      this.#crash === undefined
        ? this.#record
        : transition(this.#record, { type: 'crashed', crash: this.#crash }, this.#exit?.at ?? Date.now());
    return { v: 1, placement: this.#placement, lrp: this.#lrp, record };
  }

  /** One after the other, each with what is true when it is written. */
  #annotate(): Promise<void> {
    this.#annotating = this.#annotating.then(() => this.#writeNotes());
    return this.#annotating;
  }

  /** Not being able to take a note must not end what runs; a later rep would only know less. */
  async #writeNotes(): Promise<void> {
    if (this.#container === undefined || this.#gone) return;
    try {
      await this.#container.annotate(this.#notes());
    } catch (error) {
      const { instanceGuid } = this.#placement;
      this.#deps.logger.error({ err: error, instanceGuid }, 'instance.notes-failed');
    }
  }
}
