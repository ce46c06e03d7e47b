import type { ErrorKind } from '@slipway/service-kit';

/** A step of an instance that failed. */
export interface StepFailure {
  readonly step: 'pull' | 'create' | 'start' | 'healthy' | 'delete';
  readonly kind: ErrorKind;
  readonly code: string;
}

export interface CellHealth {
  /** In a row. */
  readonly failures: number;
  /** Why the cell cannot create containers; undefined while it can. */
  readonly reason: string | undefined;
}

export const healthyCell: CellHealth = { failures: 0, reason: undefined };

/** Errors of these kinds are the cell's own; the others are about the image or the app, and say nothing of the cell. */
const CELL_KINDS: ReadonlySet<ErrorKind> = new Set(['internal', 'exhausted', 'unavailable', 'timeout']);
/** A pull fails for the registry's or the image's sake, but for these. */
const CELL_PULL_CODES: ReadonlySet<string> = new Set(['LAYER_STORE_FULL', 'LAYER_STORE_FAILED']);
// One failure may be bad luck; instances that fail here count as crashes, so it must not go on for long.
const FAILURES_UNTIL_UNHEALTHY = 2;

export function afterFailure(health: CellHealth, failure: StepFailure, message: string): CellHealth {
  const own = failure.step === 'pull' ? CELL_PULL_CODES.has(failure.code) : CELL_KINDS.has(failure.kind);
  if (!own) return health;
  const failures = health.failures + 1;
  return failures >= FAILURES_UNTIL_UNHEALTHY ? { failures, reason: message } : { ...health, failures };
}
