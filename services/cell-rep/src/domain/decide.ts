import type { DesiredLrp, Instance, Placement } from '@slipway/contracts';
import { sameRecord } from './instance-state.ts';
import { sameEgress } from './same-egress.ts';

/** An instance as this rep holds it. */
export interface LocalInstance {
  readonly record: Instance;
  /** The desired LRP that it was started for, as last seen; absent once it crashed before a restart of the rep. */
  readonly lrp: DesiredLrp | undefined;
  /** It has, or may yet have, a container. A crashed one has only its record. */
  readonly contained: boolean;
  /** It is being stopped. */
  readonly stopping: boolean;
  /** A delete marker of its placement was seen, in this reading of the bucket or an earlier one. */
  readonly placementDeleted: boolean;
}

/** All that is known, at one moment. Keys of the maps are instance guids. */
export interface CellKnowledge {
  /** Milliseconds of a monotonic clock. */
  readonly now: number;
  readonly placements: ReadonlyMap<string, Placement>;
  /** Connected, and everything that the bucket holds has been read. */
  readonly placementsFresh: boolean;
  /** By process guid. */
  readonly lrps: { get(processGuid: string): DesiredLrp | undefined };
  /** As above, and Cloud Controller says that the bucket holds all that is desired. */
  readonly domainFresh: boolean;
  /** A scheduler holds the lease, so what shall run here has a placement or soon will. */
  readonly schedulerActive: boolean;
  readonly local: ReadonlyMap<string, LocalInstance>;
  /** This cell's records in the bucket. */
  readonly records: ReadonlyMap<string, Instance>;
  readonly recordsFresh: boolean;
  /** Since when containers are without placement for certain; what `decide` said last time. */
  readonly missingSince: ReadonlyMap<string, number>;
}

export type StopReason = 'placement-deleted' | 'no-longer-desired' | 'not-placed';

export type Action =
  | { readonly kind: 'start'; readonly placement: Placement; readonly lrp: DesiredLrp }
  | { readonly kind: 'stop'; readonly instanceGuid: string; readonly reason: StopReason }
  /** Routes changed in place, what may be reached, or what the image is pulled with. */
  | { readonly kind: 'update-lrp'; readonly instanceGuid: string; readonly lrp: DesiredLrp }
  /** The bucket does not say what this rep says. */
  | { readonly kind: 'publish'; readonly instanceGuid: string }
  /** A crashed instance that the scheduler has dealt with. */
  | { readonly kind: 'forget'; readonly instanceGuid: string }
  /** A crash that a rep before this one reported: to hold, so that it is not started again. */
  | { readonly kind: 'recall'; readonly record: Instance }
  /** A record of nothing. */
  | { readonly kind: 'delete-record'; readonly instanceGuid: string };

export interface Decision {
  readonly actions: readonly Action[];
  readonly missingSince: ReadonlyMap<string, number>;
  /** When time alone may change the decision. */
  readonly lookAgainAt: number | undefined;
}

/**
 * How long a container must have been without placement for certain. A scheduler gives a placement to what it finds
 * running after the bucket was lost; this is a generous multiple of the time it needs.
 */
export const UNPLACED_GRACE_MS = 60_000;

/**
 * What to do so that this cell runs what is placed on it. Pure and total. Starting needs only a placement; removing a
 * container needs proof: a delete marker, or the grace time with fresh and complete views. A bucket that lost its
 * placements therefore stops nothing.
 */
export function decide(known: CellKnowledge): Decision {
  const actions: Action[] = [];
  const missingSince = new Map<string, number>();
  for (const [guid, placement] of known.placements) {
    if (known.local.has(guid)) continue;
    const record = known.records.get(guid);
    const lrp = known.lrps.get(placement.processGuid);
    // A guid is started once: what crashed stays down until the scheduler places another.
    if (record?.state === 'CRASHED') actions.push({ kind: 'recall', record });
    // Until the records were read it may have crashed already.
    else if (lrp !== undefined && known.recordsFresh) actions.push({ kind: 'start', placement, lrp });
  }
  for (const [guid, local] of known.local) {
    const placed = known.placements.has(guid);
    if (!local.stopping) {
      if (!local.contained) {
        if (!placed && known.placementsFresh) {
          actions.push({ kind: 'forget', instanceGuid: guid });
          continue;
        }
      } else if (placed) actions.push(...updates(guid, local, known));
      else {
        const reason = removalReason(guid, local, known, missingSince);
        if (reason !== undefined) {
          actions.push({ kind: 'stop', instanceGuid: guid, reason });
          continue;
        }
        actions.push(...updates(guid, local, known));
      }
    }
    const published = known.records.get(guid);
    if (known.recordsFresh && (published === undefined || !sameRecord(published, local.record))) {
      actions.push({ kind: 'publish', instanceGuid: guid });
    }
  }
  if (known.recordsFresh && known.placementsFresh) {
    for (const guid of known.records.keys()) {
      if (!known.local.has(guid) && !known.placements.has(guid)) {
        actions.push({ kind: 'delete-record', instanceGuid: guid });
      }
    }
  }
  return { actions, missingSince, lookAgainAt: earliestGraceEnd(missingSince) };
}

function updates(guid: string, local: LocalInstance, known: CellKnowledge): Action[] {
  const lrp = known.lrps.get(local.record.processGuid);
  if (lrp === undefined) return [];
  // A pull that is tried again takes what is there then, and nothing keeps a password that was replaced.
  const sameCredentials = lrp.image.credentials === local.lrp?.image.credentials;
  const inPlace = sameCredentials && sameEgress(lrp, local.lrp);
  if (lrp.updatedAt === local.lrp?.updatedAt && inPlace) return [];
  return [{ kind: 'update-lrp', instanceGuid: guid, lrp }];
}

/** Why a container without placement goes; undefined when it stays for now. */
function removalReason(
  guid: string,
  local: LocalInstance,
  known: CellKnowledge,
  missingSince: Map<string, number>,
): StopReason | undefined {
  if (local.placementDeleted) return 'placement-deleted';
  if (!known.placementsFresh || !known.domainFresh) return undefined;
  const lrp = known.lrps.get(local.record.processGuid);
  const desired = lrp !== undefined && local.record.index < lrp.instances;
  // What is desired is the scheduler's to judge: without one it keeps running.
  if (desired && !known.schedulerActive) return undefined;
  const since = known.missingSince.get(guid) ?? known.now;
  if (known.now - since >= UNPLACED_GRACE_MS) return desired ? 'not-placed' : 'no-longer-desired';
  missingSince.set(guid, since);
  return undefined;
}

function earliestGraceEnd(missingSince: ReadonlyMap<string, number>): number | undefined {
  const ends = [...missingSince.values()].map((since) => since + UNPLACED_GRACE_MS);
  return ends.length === 0 ? undefined : Math.min(...ends);
}
