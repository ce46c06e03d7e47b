import { type Bus, KvView } from '@slipway/bus';
import {
  buckets,
  type CellDisk,
  type CellPresence,
  type Instance,
  instanceMetrics,
  type PlacementRecord,
  parseMessage,
} from '@slipway/contracts';
import type { InstanceUsage } from '../../domain/stats/process-stats.ts';
import { GroupIndex } from './group-index.ts';

interface CellMetrics {
  readonly at: string;
  readonly usage: ReadonlyMap<string, InstanceUsage>;
}

/** What runs, as the scheduler and the cells say; kept in memory, never written. */
export class ActualState {
  readonly #placements: KvView<PlacementRecord>;
  readonly #instances: KvView<Instance>;
  readonly #cells: KvView<CellPresence>;
  readonly #disks: KvView<CellDisk>;
  readonly #placementsByLrp: GroupIndex<PlacementRecord>;
  readonly #instancesByLrp: GroupIndex<Instance>;
  readonly #metrics: Map<string, CellMetrics>;
  readonly #unsubscribe: () => void;

  private constructor(parts: {
    placements: KvView<PlacementRecord>;
    instances: KvView<Instance>;
    cells: KvView<CellPresence>;
    disks: KvView<CellDisk>;
    placementsByLrp: GroupIndex<PlacementRecord>;
    instancesByLrp: GroupIndex<Instance>;
    metrics: Map<string, CellMetrics>;
    unsubscribe: () => void;
  }) {
    this.#placements = parts.placements;
    this.#instances = parts.instances;
    this.#cells = parts.cells;
    this.#disks = parts.disks;
    this.#placementsByLrp = parts.placementsByLrp;
    this.#instancesByLrp = parts.instancesByLrp;
    this.#metrics = parts.metrics;
    this.#unsubscribe = parts.unsubscribe;
  }

  /** Resolves when the first snapshots are complete. `onInstance` gets each record as it comes, some more than once. */
  static async open(bus: Bus, onInstance: (instance: Instance) => void = () => undefined): Promise<ActualState> {
    const placementsByLrp = new GroupIndex<PlacementRecord>(({ processGuid }) => processGuid);
    const instancesByLrp = new GroupIndex<Instance>(({ processGuid }) => processGuid);
    const placements = await openIndexed(bus, buckets.placements, placementsByLrp);
    const instances = await openIndexed(bus, buckets.instances, instancesByLrp, onInstance);
    const cells = await KvView.open(bus, buckets.cells);
    const disks = await KvView.open(bus, buckets.cellDisks);
    const metrics = new Map<string, CellMetrics>();
    const unsubscribe = followMetrics(bus, metrics);
    return new ActualState({
      placements,
      instances,
      cells,
      disks,
      placementsByLrp,
      instancesByLrp,
      metrics,
      unsubscribe,
    });
  }

  /** False while the bus is away: what is here may be old. */
  get fresh(): boolean {
    return this.#placements.fresh && this.#instances.fresh;
  }

  placementsOf(lrpGuid: string): readonly PlacementRecord[] {
    return this.#placementsByLrp.get(lrpGuid);
  }

  instancesOf(lrpGuid: string): readonly Instance[] {
    return this.#instancesByLrp.get(lrpGuid);
  }

  /** The newest figures of an instance. */
  usageOf(instance: Instance): { readonly usage: InstanceUsage; readonly at: string } | undefined {
    const cell = this.#metrics.get(instance.cellId);
    const usage = cell?.usage.get(instance.instanceGuid);
    return cell === undefined || usage === undefined ? undefined : { usage, at: cell.at };
  }

  /** All cells that are there, by their ids, with what they have told of their disks. */
  cells(): readonly { readonly presence: CellPresence; readonly disk: CellDisk | undefined }[] {
    return [...this.#cells.entries]
      .map(([cellId, { value }]) => ({ presence: value, disk: this.#disks.get(cellId) }))
      .sort((a, b) => (a.presence.cellId < b.presence.cellId ? -1 : 1));
  }

  /** Where sessions in instances of a cell begin; undefined when it has none. */
  sshAddress(cellId: string): { readonly address: string; readonly port: number } | undefined {
    const cell = this.#cells.get(cellId);
    return cell?.sshPort === undefined ? undefined : { address: cell.address, port: cell.sshPort };
  }

  cellAddress(cellId: string): string | undefined {
    return this.#cells.get(cellId)?.address;
  }

  close(): void {
    this.#unsubscribe();
    this.#placements.close();
    this.#instances.close();
    this.#cells.close();
    this.#disks.close();
  }
}

async function openIndexed<T>(
  bus: Bus,
  bucket: Parameters<typeof KvView.open<T>>[1],
  index: GroupIndex<T>,
  onValue: (value: T) => void = () => undefined,
): Promise<KvView<T>> {
  let view: KvView<T> | undefined;
  // The first snapshot is complete before `view` is there.
  const rebuild = (): void => {
    if (view === undefined) return;
    index.reset([...view.entries].map(([key, { value }]) => [key, value]));
    for (const { value } of view.entries.values()) onValue(value);
  };
  view = await KvView.open(bus, bucket, {
    onChange: (change) => {
      if (change === undefined) return rebuild();
      index.set(change.key, change.value);
      if (change.value !== undefined) onValue(change.value);
    },
  });
  rebuild();
  return view;
}

/** A cell that is gone says nothing more; what it said last is asked for by nobody, and replaced when it returns. */
function followMetrics(bus: Bus, metrics: Map<string, CellMetrics>): () => void {
  const subscription = bus.nc.subscribe(instanceMetrics.subject, {
    callback: (error, message) => {
      if (error !== null && error !== undefined) {
        bus.logger.warn({ err: error }, 'metrics.subscription');
        return;
      }
      try {
        const { time, data } = parseMessage(instanceMetrics, message.json());
        // A cell can publish under its own id only; what it writes into the message is up to it.
        if (message.subject !== instanceMetrics.subjectFor(data)) throw new Error(`speaks for cell ${data.cellId}`);
        metrics.set(data.cellId, {
          at: time,
          usage: new Map(data.instances.map((usage) => [usage.instanceGuid, usage])),
        });
      } catch (cause) {
        bus.logger.warn({ err: cause, subject: message.subject }, 'metrics.invalid');
      }
    },
  });
  return () => subscription.unsubscribe();
}
