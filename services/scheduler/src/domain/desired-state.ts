import { type DesiredLrp, keys } from '@slipway/contracts';
import type { ClusterState, Now } from './cluster-state.ts';

const LRP_PREFIX = keys.desiredLrp('');
const DOMAIN_KEY = keys.domain('cf-apps');

export interface DesiredProcess {
  readonly lrp: DesiredLrp;
  /** The view is current and its newest record parses: an order in it to run less may be followed. */
  readonly mayRunLess: boolean;
}

export interface DesiredState {
  readonly processes: ReadonlyMap<string, DesiredProcess>;
  /** Whether a process that is not in `processes` is to be stopped. */
  isUnwanted(processGuid: string): boolean;
}

/**
 * What shall run. A process may only be called unwanted when Cloud Controller has said lately that the bucket holds all
 * that is desired (Diego's domain freshness), we see the bucket as it is, and no record of it is unreadable.
 */
export function readDesired(state: ClusterState, now: Now): DesiredState {
  const processes = new Map<string, DesiredProcess>();
  const unreadable = new Set<string>();
  for (const [key, { value }] of state.desired) {
    if (!key.startsWith(LRP_PREFIX)) continue;
    if ('processGuid' in value && keys.desiredLrp(value.processGuid) === key) {
      const mayRunLess = state.fresh && !state.invalidDesired.has(key);
      processes.set(value.processGuid, { lrp: value, mayRunLess });
    } else unreadable.add(key);
  }
  const complete = state.fresh && isDomainFresh(state, now);
  return {
    processes,
    isUnwanted: (processGuid) => {
      const key = keys.desiredLrp(processGuid);
      return complete && !processes.has(processGuid) && !unreadable.has(key) && !state.invalidDesired.has(key);
    },
  };
}

function isDomainFresh(state: ClusterState, now: Now): boolean {
  const marker = state.desired.get(DOMAIN_KEY);
  if (marker === undefined || !('ttlMs' in marker.value) || state.invalidDesired.has(DOMAIN_KEY)) return false;
  return now.monotonicMs - marker.receivedAt < marker.value.ttlMs;
}
