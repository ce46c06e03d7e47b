import type { ErrorKind } from '@slipway/service-kit';

const ATTEMPTS = 5;
const FIRST_WAIT_MS = 1_000;
const MAX_WAIT_MS = 15_000;

/** These get no better by asking again: the image or its credentials must change. */
const FINAL: ReadonlySet<ErrorKind> = new Set(['not-found', 'invalid', 'unauthenticated', 'forbidden', 'conflict']);

export function isFinal(kind: ErrorKind): boolean {
  return FINAL.has(kind);
}

/**
 * How long to wait before pulling again after `failures` failed tries; undefined when the instance has crashed for it.
 * `jitter` is in [0, 1): cells that lost one registry together shall not come back together.
 */
export function pullRetryMs(kind: ErrorKind, failures: number, jitter: number): number | undefined {
  if (isFinal(kind) || failures >= ATTEMPTS) return undefined;
  const wait = Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), MAX_WAIT_MS);
  return Math.round(wait * (0.75 + jitter / 2));
}
