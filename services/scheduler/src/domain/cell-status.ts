import type { CellPresence } from '@slipway/contracts';
import type { ClusterState, Now } from './cluster-state.ts';

/** Locket's TTL: a cell that was not heard of for so long is given no work, and taken for lost. */
export const PRESENCE_TTL_MS = 15_000;

/**
 * - available: takes work.
 * - unhealthy: says that it cannot create containers; what runs there is left alone.
 * - evacuating: asks for its instances to be moved.
 * - silent: not heard of lately, but we may not have listened long enough to call it lost.
 * - absent: lost. Its instances may still run, so they are suspect, not gone.
 */
export type CellStatus = 'available' | 'unhealthy' | 'evacuating' | 'silent' | 'absent';

/** A cell that could be asked and gets no work. */
export interface PassedOver {
  readonly cellId: string;
  readonly why: 'unhealthy' | 'evacuating';
}

/** The status of every cell that has a record or is asked for. */
export class CellStatuses {
  readonly #state: ClusterState;
  readonly #now: number;
  readonly #known = new Map<string, CellStatus>();
  #nextChangeInMs: number | undefined;

  constructor(state: ClusterState, now: Now) {
    this.#state = state;
    this.#now = now.monotonicMs;
    for (const cellId of state.cells.keys()) this.of(cellId);
  }

  of(cellId: string): CellStatus {
    let status = this.#known.get(cellId);
    if (status === undefined) {
      status = this.#judge(cellId);
      this.#known.set(cellId, status);
    }
    return status;
  }

  /** Cells that take work. None is believed that speaks for another: only the key is sure to be a cell's own. */
  *available(): Iterable<CellPresence> {
    for (const [cellId, { value }] of this.#state.cells) {
      if (value.cellId === cellId && this.of(cellId) === 'available') yield value;
    }
  }

  /** Cells that are there and take no work for now. */
  passedOver(): PassedOver[] {
    return [...this.#state.cells].flatMap(([cellId, { value }]): PassedOver[] => {
      const why = this.of(cellId);
      return value.cellId === cellId && (why === 'unhealthy' || why === 'evacuating') ? [{ cellId, why }] : [];
    });
  }

  count(): Record<CellStatus, number> {
    const counts = { available: 0, unhealthy: 0, evacuating: 0, silent: 0, absent: 0 };
    for (const status of this.#known.values()) counts[status]++;
    return counts;
  }

  /** When mere silence will change a status. */
  get nextChangeInMs(): number | undefined {
    return this.#nextChangeInMs;
  }

  #judge(cellId: string): CellStatus {
    const entry = this.#state.cells.get(cellId);
    if (entry !== undefined && this.#now - entry.receivedAt <= PRESENCE_TTL_MS) {
      this.#changesIn(PRESENCE_TTL_MS - (this.#now - entry.receivedAt));
      if (entry.value.evacuating) return 'evacuating';
      return entry.value.healthy ? 'available' : 'unhealthy';
    }
    const { silenceCountsFrom } = this.#state;
    if (silenceCountsFrom === undefined) return 'silent';
    if (entry === undefined && this.#state.withdrawnCells.has(cellId)) return 'absent';
    const seenAt = Math.max(silenceCountsFrom, entry?.receivedAt ?? this.#state.cellsSeenAt.get(cellId) ?? 0);
    const silentFor = this.#now - seenAt;
    if (silentFor > PRESENCE_TTL_MS) return 'absent';
    this.#changesIn(PRESENCE_TTL_MS - silentFor);
    return 'silent';
  }

  #changesIn(ms: number): void {
    // One more, for the comparisons are "longer than".
    this.#nextChangeInMs = Math.min(this.#nextChangeInMs ?? Number.POSITIVE_INFINITY, ms + 1);
  }
}

/** Instances there need a replacement. */
export function isLeaving(status: CellStatus): boolean {
  return status === 'absent' || status === 'evacuating';
}
