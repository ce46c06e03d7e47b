import { type Bus, KvView } from '@slipway/bus';
import {
  buckets,
  type CellPresence,
  type DesiredLrp,
  type DomainFreshness,
  type Instance,
  type PlacementRecord,
  type TaskRecord,
} from '@slipway/contracts';
import type { Logger } from '@slipway/service-kit';
import { PRESENCE_TTL_MS } from '../domain/cell-status.ts';
import type { ClusterState, Recovery } from '../domain/cluster-state.ts';
import { RECOVERY_MS } from '../domain/recovery.ts';

const PLACEMENTS_STREAM = `KV_${buckets.placements.name}`;

interface Views {
  readonly desired: KvView<DesiredLrp | DomainFreshness>;
  readonly placements: KvView<PlacementRecord>;
  readonly instances: KvView<Instance>;
  readonly tasks: KvView<TaskRecord>;
  readonly cells: KvView<CellPresence>;
}

export interface ClusterViewsOptions {
  /** Something changed that a decision depends on. */
  readonly onChange: () => void;
  readonly logger: Logger;
}

/** The buckets that a decision is made from, in memory. */
export class ClusterViews {
  readonly #bus: Bus;
  readonly #options: ClusterViewsOptions;
  readonly #cellsSeenAt = new Map<string, number>();
  /** What of each record a decision depends on: renewals and phases are no reason to decide anew. */
  readonly #cellFacts = new Map<string, string>();
  readonly #instanceStates = new Map<string, string>();
  readonly #stopListening: () => void;
  #views: Views | undefined;
  #placementsCreatedAt: string | undefined;
  #cellsBeforeReset: readonly string[] = [];
  #recovery: Recovery | undefined;

  private constructor(bus: Bus, options: ClusterViewsOptions) {
    this.#bus = bus;
    this.#options = options;
    this.#stopListening = bus.onReset(() => {
      this.#cellsBeforeReset = this.#recentCells();
    });
  }

  /** Resolves when all of them are complete. */
  static async open(bus: Bus, options: ClusterViewsOptions): Promise<ClusterViews> {
    const opened = new ClusterViews(bus, options);
    const { onChange } = options;
    const [desired, placements, instances, tasks, cells] = await Promise.all([
      KvView.open(bus, buckets.desiredLrps, { trackDeleted: true, onChange }),
      KvView.open(bus, buckets.placements, { trackDeleted: true, onChange: (change) => opened.#onPlacement(change) }),
      KvView.open(bus, buckets.instances, { trackDeleted: true, onChange: (change) => opened.#onInstance(change) }),
      KvView.open(bus, buckets.tasks, { trackDeleted: true, onChange }),
      KvView.open(bus, buckets.cells, { trackDeleted: true, onChange: (change) => opened.#onCell(change) }),
    ]);
    opened.#views = { desired, placements, instances, tasks, cells };
    opened.#onCell(undefined);
    return opened;
  }

  /** Whether what is missing in them is really missing, now. */
  get fresh(): boolean {
    return this.#all().every((view) => view.fresh);
  }

  /** A decision needs these at least: what is not placed is started. */
  get placementsFresh(): boolean {
    return this.#open.placements.fresh;
  }

  get placements(): KvView<PlacementRecord> {
    return this.#open.placements;
  }

  get tasks(): KvView<TaskRecord> {
    return this.#open.tasks;
  }

  /** Waits until they hold all that the buckets hold now. False: that cannot be told, ask again later. */
  async catchUp(): Promise<boolean> {
    const caughtUp = await Promise.all(this.#all().map((view) => view.catchUp()));
    return caughtUp.every(Boolean);
  }

  /** What they hold. It changes under the reader's feet, so it is for one turn only. `since`: when the lead was taken. */
  state(since: number): ClusterState {
    const { desired, placements, instances, tasks, cells } = this.#open;
    const fresh = this.fresh;
    this.#expireRecovery();
    return {
      desired: desired.entries,
      invalidDesired: desired.invalidKeys,
      placements: placements.entries,
      removedPlacements: placements.deleted,
      instances: instances.entries,
      tasks: tasks.entries,
      cells: cells.entries,
      withdrawnCells: cells.deleted,
      cellsSeenAt: this.#cellsSeenAt,
      fresh,
      // While NATS was away cells could not be heard, and before we led their moves were another's business.
      silenceCountsFrom: fresh && cells.syncedAt !== undefined ? Math.max(cells.syncedAt, since) : undefined,
      recovery: this.#recovery,
    };
  }

  /** Takes old deletion markers away. One that tells a cell to stop an instance stays until the cell has done so. */
  async compact(olderThanMs: number): Promise<number> {
    const { desired, placements, instances, tasks } = this.#open;
    const mayStillRun = (key: string): boolean => instances.entries.has(key.replace(/^placed\./, ''));
    return (
      (await desired.compact(olderThanMs)) +
      (await placements.compact(olderThanMs, mayStillRun)) +
      (await instances.compact(olderThanMs)) +
      (await tasks.compact(olderThanMs))
    );
  }

  endRecovery(): void {
    this.#recovery = undefined;
  }

  close(): void {
    this.#stopListening();
    if (this.#views !== undefined) for (const view of this.#all()) view.close();
  }

  get #open(): Views {
    if (this.#views === undefined) throw new Error('the views are not open yet');
    return this.#views;
  }

  #all(): readonly Pick<KvView<unknown>, 'fresh' | 'catchUp' | 'close'>[] {
    const { desired, placements, instances, tasks, cells } = this.#open;
    return [desired, placements, instances, tasks, cells];
  }

  #onPlacement(change: unknown): void {
    if (change === undefined) this.#noticeBirth();
    this.#options.onChange();
  }

  #onInstance(change: { readonly key: string; readonly value: Instance | undefined } | undefined): void {
    if (change === undefined) {
      this.#instanceStates.clear();
    } else {
      if (this.#instanceStates.get(change.key) === change.value?.state) return;
      if (change.value === undefined) this.#instanceStates.delete(change.key);
      else this.#instanceStates.set(change.key, change.value.state);
    }
    this.#options.onChange();
  }

  #onCell(change: { readonly key: string; readonly value: CellPresence | undefined } | undefined): void {
    const now = performance.now();
    if (change === undefined) {
      // What the snapshot brings may be old news; the entries know when they came first.
      for (const [cellId, { receivedAt }] of this.#views?.cells.entries ?? []) this.#saw(cellId, receivedAt);
    } else if (change.value !== undefined) {
      const { renewedAt: _, starting: __, ...facts } = change.value;
      const told = JSON.stringify(facts);
      const silentFor = now - (this.#cellsSeenAt.get(change.key) ?? 0);
      const known = this.#cellFacts.get(change.key) === told && silentFor <= PRESENCE_TTL_MS;
      this.#saw(change.key, now);
      this.#cellFacts.set(change.key, told);
      if (known) return;
    } else this.#cellFacts.delete(change.key);
    this.#options.onChange();
  }

  #saw(cellId: string, at: number): void {
    this.#cellsSeenAt.set(cellId, Math.max(at, this.#cellsSeenAt.get(cellId) ?? 0));
  }

  /** Cells that had not fallen silent when we last heard any. */
  #recentCells(): string[] {
    const latest = Math.max(0, ...this.#cellsSeenAt.values());
    return [...this.#cellsSeenAt].flatMap(([cellId, at]) => (latest - at <= PRESENCE_TTL_MS ? [cellId] : []));
  }

  /** A bucket that is another than before was lost and made anew. At our own start its age tells. */
  #noticeBirth(): void {
    const createdAt = this.#bus.createdAt(PLACEMENTS_STREAM);
    if (createdAt === undefined || createdAt === this.#placementsCreatedAt) return;
    const now = performance.now();
    if (this.#placementsCreatedAt !== undefined) {
      this.#recovery = { bornAt: now, knownCells: this.#cellsBeforeReset };
      this.#options.logger.warn({ knownCells: this.#cellsBeforeReset }, 'placements.lost');
    } else {
      // By two machines' clocks, so only roughly; it is seconds that matter.
      const ageMs = Math.max(Date.now() - Date.parse(createdAt), 0);
      if (ageMs < RECOVERY_MS) this.#recovery = { bornAt: now - ageMs, knownCells: [] };
    }
    this.#placementsCreatedAt = createdAt;
  }

  /** Also for a scheduler that did not lead meanwhile. */
  #expireRecovery(): void {
    const { cells } = this.#open;
    if (this.#recovery === undefined || !cells.fresh) return;
    const from = Math.max(this.#recovery.bornAt, cells.syncedAt ?? 0);
    if (performance.now() - from > RECOVERY_MS) this.#recovery = undefined;
  }
}
