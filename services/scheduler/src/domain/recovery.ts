import { type CellStatuses, PRESENCE_TTL_MS } from './cell-status.ts';
import type { ClusterState, Now } from './cluster-state.ts';

/**
 * After the placements were lost with the NATS store, containers still run and nobody has said so yet. Cells reconnect
 * within a second and write their instances before all else; this long nothing is started that may be running already.
 */
export const SETTLE_MS = 3_000;
/** A cell that was there before and has not come back after this is taken for lost, as without a loss of the store. */
export const RECOVERY_MS = PRESENCE_TTL_MS;

export type RecoveryPhase = { readonly holding: false } | { readonly holding: true; readonly endsInMs: number };

/**
 * Whether to wait before starting indices of which nothing is known. It ends as soon as `SETTLE_MS` have passed and every
 * cell known before is back, at the latest after `RECOVERY_MS`; only time in which cells could be heard counts. A new
 * installation waits only for the former, right after its first start. Once it has ended it is over.
 */
export function recoveryPhase(state: ClusterState, cells: CellStatuses, now: Now): RecoveryPhase {
  if (state.recovery === undefined) return { holding: false };
  const { bornAt, knownCells } = state.recovery;
  const from = Math.max(bornAt, state.silenceCountsFrom ?? now.monotonicMs);
  const heardForMs = now.monotonicMs - from;
  if (heardForMs < SETTLE_MS) return { holding: true, endsInMs: SETTLE_MS - heardForMs };
  const back = knownCells.every((cellId) => {
    const status = cells.of(cellId);
    return status !== 'silent' && status !== 'absent';
  });
  if (back || heardForMs >= RECOVERY_MS) return { holding: false };
  return { holding: true, endsInMs: RECOVERY_MS - heardForMs };
}
