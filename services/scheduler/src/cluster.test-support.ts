import { type Bus, KvStore } from '@slipway/bus';
import {
  buckets,
  type CellPresence,
  type DesiredLrp,
  type DesiredTask,
  type DomainFreshness,
  type Instance,
  keys,
  type Lease,
  type Placement,
  type PlacementRecord,
  type TaskPlacement,
  type TaskRecord,
} from '@slipway/contracts';
import { type NatsHandle, startNats } from '@slipway/testing';
import type { ExpectStatic, TestContext } from 'vitest';
import { cell, instanceOf } from './domain/model.test-support.ts';

/** Tests wait for seconds, so they run side by side, and each must say what to end with it. */
export type Ending = Pick<TestContext, 'onTestFinished' | 'expect'>;

export interface Cluster {
  readonly nats: NatsHandle;
  readonly others: Others;
  readonly eventually: Eventually;
}

/** A NATS of the test's own, and two cells. */
export async function startCluster(ending: Ending): Promise<Cluster> {
  const nats = await startNats();
  ending.onTestFinished(() => nats.stop());
  const others = await Others.connect(nats, ending);
  await others.present(cell('cell-1'));
  await others.present(cell('cell-2'));
  return { nats, others, eventually: eventuallyIn(ending) };
}

/** Everything else on the bus, played by a test: it puts what Cloud Controller and the cells would. */
export class Others {
  readonly bus: Bus;
  readonly desired: KvStore<DesiredLrp | DomainFreshness>;
  readonly placements: KvStore<PlacementRecord>;
  readonly instances: KvStore<Instance>;
  readonly cells: KvStore<CellPresence>;
  readonly leases: KvStore<Lease>;
  readonly tasks: KvStore<TaskRecord>;
  readonly #beating = new Map<string, CellPresence>();

  private constructor(
    bus: Bus,
    stores: Pick<Others, 'desired' | 'placements' | 'instances' | 'cells' | 'leases' | 'tasks'>,
  ) {
    this.bus = bus;
    this.desired = stores.desired;
    this.placements = stores.placements;
    this.instances = stores.instances;
    this.cells = stores.cells;
    this.leases = stores.leases;
    this.tasks = stores.tasks;
  }

  static async connect(nats: NatsHandle, { onTestFinished }: Ending): Promise<Others> {
    const bus = await nats.connectOperator();
    const others = new Others(bus, {
      desired: await KvStore.open(bus, buckets.desiredLrps),
      placements: await KvStore.open(bus, buckets.placements),
      instances: await KvStore.open(bus, buckets.instances),
      cells: await KvStore.open(bus, buckets.cells),
      leases: await KvStore.open(bus, buckets.leases),
      tasks: await KvStore.open(bus, buckets.tasks),
    });
    const beat = setInterval(() => {
      for (const presence of others.#beating.values()) void others.cells.put(presence.cellId, presence).catch(() => 0);
    }, 2_000);
    onTestFinished(async () => {
      clearInterval(beat);
      await bus.close();
    });
    return others;
  }

  /** Is there, and says so again every 2 s. */
  async present(presence: CellPresence): Promise<void> {
    this.#beating.set(presence.cellId, presence);
    await this.cells.put(presence.cellId, presence);
  }

  silence(cellId: string): void {
    this.#beating.delete(cellId);
  }

  async desire(lrp: DesiredLrp): Promise<void> {
    await this.desired.put(keys.desiredLrp(lrp.processGuid), lrp);
  }

  async desireTask(task: DesiredTask): Promise<void> {
    await this.tasks.put(keys.desiredTask(task.taskGuid), task);
  }

  /** What the scheduler says of a task. */
  async said(taskGuid: string): Promise<TaskPlacement | undefined> {
    return (await this.tasks.get(keys.taskPlacement(taskGuid)))?.value as TaskPlacement | undefined;
  }

  async refreshDomain(): Promise<void> {
    const refreshedAt = new Date().toISOString();
    await this.desired.put(keys.domain('cf-apps'), {
      v: 1,
      domain: 'cf-apps',
      refreshedAt,
      ttlMs: 120_000,
      lrpCount: 1,
    });
  }

  async report(instance: Instance): Promise<void> {
    await this.instances.put(keys.instance(instance.cellId, instance.instanceGuid), instance);
  }

  /** Reports every placement as running, as its cell would. */
  async runAll(): Promise<void> {
    for (const placed of await this.placed()) await this.report(instanceOf(placed));
  }

  /** What the placements bucket holds. */
  async records(): Promise<PlacementRecord[]> {
    const { state } = await this.bus.jsm.streams.info(`KV_${buckets.placements.name}`, { subjects_filter: '>' });
    const found = await Promise.all(
      Object.keys(state.subjects ?? {}).map((subject) => this.placements.get(subject.slice('$KV.placements.'.length))),
    );
    return found.flatMap((record) => (record === undefined ? [] : [record.value]));
  }

  async placed(): Promise<Placement[]> {
    return (await this.records()).flatMap((record) => (record.kind === 'placed' ? [record] : []));
  }

  /** `index cell`, by index. */
  async picture(): Promise<string[]> {
    return (await this.records())
      .map((record) => `${record.index} ${record.kind === 'placed' ? record.cellId : record.state}`)
      .toSorted();
  }
}

export type Eventually = <T>(read: () => T) => ReturnType<ExpectStatic['poll']>;

/** Polls for longer than any of Diego's times that a test waits for. */
export function eventuallyIn({ expect }: Ending): Eventually {
  return (read) => expect.poll(read, { timeout: 40_000, interval: 50 });
}
