import type { ErrorKind } from '@slipway/service-kit';

/** A step of an instance that failed. */
export interface StepFailure {
  readonly step: 'pull' | 'create' | 'start' | 'healthy' | 'delete';
  readonly kind: ErrorKind;
  readonly code: string;
  /** How much room was asked for, of one that found no room. */
  readonly neededBytes?: number | undefined;
}

export interface CellHealth {
  /** In a row. */
  readonly failures: number;
  /** Why the cell cannot create containers; undefined while it can. */
  readonly reason: string | undefined;
  /** Enough has failed to look, with a container of the cell's own, whether it is the cell or what it was asked to run. */
  readonly suspect: boolean;
}

export const healthyCell: CellHealth = { failures: 0, reason: undefined, suspect: false };

/** Errors of these kinds may be the cell's own; the others are about the image or the app, and say nothing of the cell. */
const CELL_KINDS: ReadonlySet<ErrorKind> = new Set(['internal', 'exhausted', 'unavailable', 'timeout']);
/** A pull fails for the registry's or the image's sake, but for these. */
const CELL_PULL_CODES: ReadonlySet<string> = new Set(['LAYER_STORE_FULL', 'LAYER_STORE_FAILED']);
/** A cell without room for this has none for most images; one without room for more has met a large image. */
const ORDINARY_IMAGE_BYTES = 1024 ** 3;
// One failure may be bad luck; instances that fail here count as crashes, so it must not go on for long.
const FAILURES_UNTIL_JUDGED = 2;

export function afterFailure(health: CellHealth, failure: StepFailure, message: string): CellHealth {
  switch (failure.step) {
    case 'pull': {
      if (!CELL_PULL_CODES.has(failure.code)) return health;
      // Nobody shall take a cell out of service by asking it for what fits nowhere.
      if ((failure.neededBytes ?? 0) > ORDINARY_IMAGE_BYTES) return health;
      const failures = health.failures + 1;
      return failures >= FAILURES_UNTIL_JUDGED
        ? { failures, reason: message, suspect: false }
        : { ...health, failures };
    }
    case 'create':
    case 'start': {
      if (!CELL_KINDS.has(failure.kind)) return health;
      const failures = health.failures + 1;
      return { ...health, failures, suspect: failures >= FAILURES_UNTIL_JUDGED };
    }
    // One container that does not go, or an app that is not healthy, keeps no other from being made.
    case 'healthy':
    case 'delete':
      return health;
  }
}
