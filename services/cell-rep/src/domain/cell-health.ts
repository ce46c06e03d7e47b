import type { ErrorKind } from '@slipway/service-kit';

/** Errors of these kinds are the cell's own; the others are about the image or the app, and say nothing of the cell. */
const CELL_FAULTS: ReadonlySet<ErrorKind> = new Set(['internal', 'exhausted', 'unavailable', 'timeout']);

export interface CellHealth {
  readonly failures: number;
  readonly reason: string | undefined;
}

export const healthyCell: CellHealth = { failures: 0, reason: undefined };

// One failure may be bad luck; instances that fail here count as crashes, so it must not go on for long.
const FAILURES_UNTIL_UNHEALTHY = 2;

/** After a container could not be created, started or deleted. */
export function afterFailure(health: CellHealth, kind: ErrorKind, message: string): CellHealth {
  if (!CELL_FAULTS.has(kind)) return health;
  const failures = health.failures + 1;
  return { failures, reason: failures >= FAILURES_UNTIL_UNHEALTHY ? message : undefined };
}
