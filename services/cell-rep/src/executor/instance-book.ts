import type { DesiredLrp, Instance, LrpSidecar, Placement } from '@slipway/contracts';
import { type CrashCause, describeCrash } from '../domain/crash.ts';
import { platformEnvironment } from '../domain/environment.ts';
import { type Crash, claim, type InstanceEvent, named, sameRecord, transition } from '../domain/instance-state.ts';
import { routesOf } from '../domain/routes.ts';
import type { InstanceDeps } from './instance-deps.ts';
import type { Notes } from './notes.ts';
import type { Container } from './ports.ts';

/** What is known of one instance, and everyone who is told of it: NATS, the routers, the next rep. */
export class InstanceBook {
  readonly placement: Placement;
  readonly #deps: InstanceDeps;
  #lrp: DesiredLrp;
  #record: Instance;
  /** Known, but not told before its process is gone. */
  #crash: Crash | undefined;
  #crashedAt: number;
  #annotating: Promise<void> = Promise.resolve();

  constructor(placement: Placement, lrp: DesiredLrp, notes: Notes | undefined, deps: InstanceDeps) {
    this.placement = placement;
    this.#deps = deps;
    this.#lrp = lrp;
    this.#record = notes === undefined ? claim(placement, lrp, Date.now()) : named(notes.record, lrp);
    this.#crash = this.#record.crash;
    this.#crashedAt = Date.parse(this.#record.since);
    this.publish();
    this.#setRoutes();
  }

  get guid(): string {
    return this.placement.instanceGuid;
  }

  environment(address: string, sidecar?: LrpSidecar): Record<string, string> {
    const { instanceGuid, index } = this.placement;
    return platformEnvironment(this.#lrp, { instanceGuid, index, address }, sidecar);
  }

  get lrp(): DesiredLrp {
    return this.#lrp;
  }

  get record(): Instance {
    return this.#record;
  }

  get crash(): Crash | undefined {
    return this.#crash;
  }

  /** NATS is told, and the routers: in the same breath, so that neither knows of a state that the other cannot see. */
  apply(event: InstanceEvent): void {
    const next = transition(this.#record, event, Date.now());
    if (next === this.#record) return;
    this.#record = next;
    const { instanceGuid, processGuid, index, state, phase, crash } = next;
    this.#deps.logger.info({ instanceGuid, processGuid, index, state, phase, crash }, `instance.${event.type}`);
    this.publish();
    this.#setRoutes();
    this.#deps.onChange();
  }

  /** Takes its routes back; that it crashed is told with `tellCrash`, once its process is gone. */
  noteCrash(cause: CrashCause, at: number): void {
    const { state, since } = this.#record;
    this.#crash = describeCrash(cause, this.#lrp, state === 'RUNNING' ? at - Date.parse(since) : 0);
    this.#crashedAt = at;
    this.apply({ type: 'withdrawn' });
  }

  tellCrash(): void {
    if (this.#crash !== undefined) this.apply({ type: 'crashed', crash: this.#crash });
  }

  /** In place: routes. */
  updateLrp(lrp: DesiredLrp): void {
    this.#lrp = lrp;
    const record = named(this.#record, lrp);
    if (!sameRecord(record, this.#record)) {
      this.#record = record;
      this.publish();
    }
    this.#setRoutes();
  }

  publish(): void {
    this.#deps.records.set(this.#record);
  }

  notes(): Notes {
    const record =
      this.#crash === undefined
        ? this.#record
        : transition(this.#record, { type: 'crashed', crash: this.#crash }, this.#crashedAt);
    return { v: 1, placement: this.placement, lrp: this.#lrp, record };
  }

  /** Writes the notes for the next rep, one after the other, each with what is true when it is written. */
  annotate(container: Container): Promise<void> {
    this.#annotating = this.#annotating.then(async () => {
      try {
        await container.annotate(this.notes());
      } catch (error) {
        // Not being able to take a note must not end what runs; a later rep would only know less.
        const { instanceGuid } = this.placement;
        this.#deps.logger.error({ err: error, instanceGuid }, 'instance.notes-failed');
      }
    });
    return this.#annotating;
  }

  #setRoutes(): void {
    this.#deps.setRoutes(this.placement.instanceGuid, routesOf(this.#lrp, this.#record, this.#deps.zone));
  }
}
