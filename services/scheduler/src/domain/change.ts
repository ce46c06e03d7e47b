import type { PlacementRecord, TaskPlacement } from '@slipway/contracts';

/** Why a change is made. */
export type ChangeReason =
  /** An index ran nowhere. */
  | 'start'
  /** After a crash. */
  | 'restart'
  /** What had to wait, for capacity or after crashes, is tried again. */
  | 'retry'
  /** Its cell is lost or evacuating; the old one stays until the new one runs. */
  | 'replace'
  /** It runs and had no placement: the store was lost. */
  | 'adopt'
  /** After crashes: it waits, or is given up. */
  | 'back-off'
  | 'unplaceable'
  /** The desired LRP asks for fewer instances. */
  | 'extra'
  /** The desired LRP is gone. */
  | 'orphan'
  | 'duplicate'
  /** The replacement runs. */
  | 'replaced'
  /** The desired LRP names it in `retire`. */
  | 'retired'
  /** It runs without placement, and its index is taken or not desired: a deletion marker tells its cell to stop it. */
  | 'surplus'
  /** A record that says nothing any more. */
  | 'clean-up';

export interface RecordToWrite {
  readonly key: string;
  readonly value: PlacementRecord;
  /** The revision that it replaces; absent when there is none. */
  readonly over?: number;
}

export interface RecordToRemove {
  readonly key: string;
  /** Only this one; absent: whatever is there, for nothing is and a deletion marker is wanted. */
  readonly revision?: number;
}

/**
 * One step of repair. The write comes first, and only when it succeeded the removals: what is lost on the way is a
 * removal, which the next pass finds, and never the crash count or the only placement.
 */
export interface Change {
  readonly reason: ChangeReason;
  readonly processGuid: string;
  readonly index: number;
  readonly write?: RecordToWrite;
  readonly removes: readonly RecordToRemove[];
  /** For `unplaceable`: how many cells each filter refused. */
  readonly refusedBy?: Readonly<Record<string, number>>;
}

/** Why what is said of a task changes. */
export type TaskChangeReason =
  /** A cell is proposed. */
  | 'place'
  /** No cell takes it now. */
  | 'refuse'
  /** No cell took it often enough. */
  | 'give-up'
  /** The cell that it was given to is lost, and it with it: a task never runs twice. */
  | 'lose'
  /** The task is no longer desired. */
  | 'clean-up';

export interface TaskChange {
  readonly reason: TaskChangeReason;
  readonly taskGuid: string;
  readonly write?: { readonly key: string; readonly value: TaskPlacement; readonly over?: number };
  readonly removes: readonly RecordToRemove[];
  /** For `refuse` and `give-up`: how many cells each filter refused. */
  readonly refusedBy?: Readonly<Record<string, number>>;
}
