import type { ErrorKind } from '@slipway/service-kit';
import { isFinal } from './pull-retry.ts';

const FIRST_WAIT_MS = 30_000;
const MAX_WAIT_MS = 1_800_000;
/** The image or its credentials must change; a registry that is asked all the same is asked rarely. */
const FINAL_WAIT_MS = 3_600_000;

/**
 * How long to wait before an image is fetched in advance again after `failures` failed tries in a row. `jitter` is in
 * [0, 1): cells that lost one registry together shall not come back together.
 */
export function prefetchWaitMs(kind: ErrorKind, failures: number, jitter: number): number {
  const wait = isFinal(kind) ? FINAL_WAIT_MS : Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), MAX_WAIT_MS);
  return Math.round(wait * (0.75 + jitter / 2));
}
