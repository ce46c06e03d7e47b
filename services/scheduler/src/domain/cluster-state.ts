import type {
  CellPresence,
  DesiredLrp,
  DomainFreshness,
  Instance,
  PlacementRecord,
  TaskRecord,
} from '@slipway/contracts';

/** A record as this process knows it (packages/bus `ViewEntry`). */
export interface Entry<T> {
  readonly value: T;
  readonly revision: number;
  /** Monotonic clock of this process, ms. */
  readonly receivedAt: number;
}
export type Entries<T> = ReadonlyMap<string, Entry<T>>;
export type Keys = Pick<ReadonlySet<string>, 'has'>;

export interface Now {
  /** For times that are written into records. */
  readonly wallMs: number;
  /** For ages of what was received, which no clock of another machine may shorten. */
  readonly monotonicMs: number;
}

/** The placements bucket was made not long ago: new, or anew after the store was lost. See `recovery.ts`. */
export interface Recovery {
  /** Monotonic, ms. */
  readonly bornAt: number;
  /** Cells that were there before. */
  readonly knownCells: readonly string[];
}

/** All that a decision is made from, at one moment. Maps are by bucket key. */
export interface ClusterState {
  readonly desired: Entries<DesiredLrp | DomainFreshness>;
  /** Keys of `desired` whose newest record does not parse. */
  readonly invalidDesired: Keys;
  /** Must be complete: what is not in it is taken for not placed. */
  readonly placements: Entries<PlacementRecord>;
  /** Keys of placements whose deletion the bucket remembers. */
  readonly removedPlacements: Keys;
  readonly instances: Entries<Instance>;
  /** Desired tasks, what was said of them before, and what their cells say. */
  readonly tasks: Entries<TaskRecord>;
  readonly cells: Entries<CellPresence>;
  /** Cells that took their presence back, for they will not return with their containers. */
  readonly withdrawnCells: Keys;
  /** When each cell was heard of last (monotonic, ms), also those that have expired. */
  readonly cellsSeenAt: ReadonlyMap<string, number>;
  /** Desired LRPs, placements, instances, tasks and cells are all complete and current. Nothing is destroyed otherwise. */
  readonly fresh: boolean;
  /** Silence of a cell counts from here (monotonic, ms), for before it we may not have listened. Undefined: not at all. */
  readonly silenceCountsFrom: number | undefined;
  /** Undefined when the bucket is older, or once a decision said that it is over. */
  readonly recovery: Recovery | undefined;
}
