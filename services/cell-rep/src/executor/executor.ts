import type { Instance } from '@slipway/contracts';
import type { Action, LocalInstance } from '../domain/decide.ts';
import { InstanceRunner } from './instance.ts';
import type { InstanceDeps } from './instance-deps.ts';
import { isOfTask, type Notes } from './notes.ts';
import type { FoundContainer } from './ports.ts';
import { withDeadline } from './step.ts';

/** Every instance that this rep holds, and the crashed ones whose placement still stands. */
export class Executor {
  readonly #deps: InstanceDeps;
  readonly #runners = new Map<string, InstanceRunner>();
  /** Crashes that a rep before this one reported. */
  readonly #recalled = new Map<string, Instance>();

  constructor(deps: InstanceDeps) {
    this.#deps = deps;
  }

  get runners(): ReadonlyMap<string, InstanceRunner> {
    return this.#runners;
  }

  get local(): ReadonlyMap<string, LocalInstance> {
    const local = new Map<string, LocalInstance>();
    for (const [guid, record] of this.#recalled) {
      local.set(guid, { record, lrp: undefined, contained: false, stopping: false, placementDeleted: false });
    }
    for (const [guid, runner] of this.#runners) local.set(guid, runner.local);
    return local;
  }

  /**
   * Takes over what the rep before left. What ended in a way that nobody knows (the machine restarted) did not crash: it
   * is removed, and its placement, if it still stands, starts it anew.
   */
  async adopt(): Promise<void> {
    const found = await this.#deps.containers.list();
    await Promise.all(found.flatMap((one) => (isOfTask(one.notes) ? [] : [this.#adoptOne(one, one.notes)])));
  }

  apply(action: Action): void {
    switch (action.kind) {
      case 'start': {
        const { placement, lrp } = action;
        this.#hold(placement.instanceGuid, new InstanceRunner({ kind: 'placed', placement, lrp }, this.#deps));
        return;
      }
      case 'stop': {
        const { instanceGuid, reason } = action;
        this.#deps.logger.info({ instanceGuid, reason }, 'instance.stop');
        this.#runners.get(instanceGuid)?.stop();
        return;
      }
      case 'update-lrp':
        void this.#runners.get(action.instanceGuid)?.updateLrp(action.lrp);
        return;
      case 'publish':
        this.#publish(action.instanceGuid);
        return;
      case 'recall':
        this.#recalled.set(action.record.instanceGuid, action.record);
        return;
      case 'forget':
      case 'delete-record':
        this.#recalled.delete(action.instanceGuid);
        this.#runners.delete(action.instanceGuid);
        this.#deps.records.remove(action.instanceGuid);
        return;
    }
  }

  /** Leaves all that runs to the next rep. */
  async leave(): Promise<void> {
    for (const runner of this.#runners.values()) runner.leave();
    await this.#allEnded();
  }

  /** Removes everything, records too. */
  async destroy(): Promise<void> {
    for (const runner of this.#runners.values()) runner.stop();
    await this.#allEnded();
    for (const guid of this.local.keys()) this.#deps.records.remove(guid);
  }

  async #allEnded(): Promise<void> {
    await Promise.all([...this.#runners.values()].map((runner) => runner.ended));
  }

  async #adoptOne({ container, state, startedAt }: FoundContainer, notes: Notes | undefined): Promise<void> {
    const { instanceGuid } = container;
    const { logger, timeouts } = this.#deps;
    const crashed = notes?.record.state === 'CRASHED';
    if (notes !== undefined && (state !== 'lost' || crashed)) {
      logger.info({ instanceGuid, state, record: notes.record.state }, 'instance.adopted');
      const origin = { kind: 'adopted', notes, container, startedAt } as const;
      this.#hold(instanceGuid, new InstanceRunner(origin, this.#deps));
      return;
    }
    if (notes === undefined) logger.error({ instanceGuid, state }, 'container.notes-unreadable');
    try {
      const nobody = new AbortController().signal;
      await withDeadline('deleting a container', timeouts.deleteMs, nobody, (s) => container.delete(s));
      logger.info({ instanceGuid, state }, 'container.removed');
    } catch (error) {
      // The next start tries again; what can run must not wait for it.
      logger.error({ err: error, instanceGuid }, 'container.not-removed');
    }
  }

  #publish(instanceGuid: string): void {
    const record = this.#runners.get(instanceGuid)?.local.record ?? this.#recalled.get(instanceGuid);
    if (record !== undefined) this.#deps.records.repair(record);
  }

  #hold(instanceGuid: string, runner: InstanceRunner): void {
    this.#runners.set(instanceGuid, runner);
    void runner.ended.then(() => {
      const { contained, stopping } = runner.local;
      if (stopping && !contained) this.#runners.delete(instanceGuid);
      this.#deps.onChange();
    });
    this.#deps.onChange();
  }
}
