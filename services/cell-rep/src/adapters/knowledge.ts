import { type Bus, KvView } from '@slipway/bus';
import {
  buckets,
  type DesiredLrp,
  type DomainFreshness,
  type Instance,
  keys,
  type Lease,
  type Placement,
  type PlacementRecord,
} from '@slipway/contracts';
import type { CellKnowledge } from '../domain/decide.ts';

type FromBus = Pick<
  CellKnowledge,
  'placements' | 'placementsFresh' | 'lrps' | 'domainFresh' | 'schedulerActive' | 'records' | 'recordsFresh'
>;

interface Views {
  readonly placements: KvView<PlacementRecord>;
  readonly desired: KvView<DesiredLrp | DomainFreshness>;
  readonly instances: KvView<Instance>;
  readonly leases: KvView<Lease>;
}

/** What NATS says of this cell; before the first connection nothing, and nothing is fresh. */
export class Knowledge {
  readonly #cellId: string;
  readonly #onChange: () => void;
  #views: Views | undefined;

  constructor(cellId: string, onChange: () => void) {
    this.#cellId = cellId;
    this.#onChange = onChange;
  }

  /** Resolves when all four are complete. */
  async attach(bus: Bus): Promise<void> {
    const onChange = this.#onChange;
    const [instances, placements, desired, leases] = await Promise.all([
      KvView.open(bus, buckets.instances, { filter: keys.instancesOf(this.#cellId) }),
      KvView.open(bus, buckets.placements, { filter: keys.placedOn(this.#cellId), trackDeleted: true, onChange }),
      KvView.open<DesiredLrp | DomainFreshness>(bus, buckets.desiredLrps, {
        onChange: (change) => {
          if (change === undefined || this.#concerns(change.key)) onChange();
        },
      }),
      KvView.open(bus, buckets.leases, { filter: keys.schedulerLease }),
    ]);
    this.#views = { instances, placements, desired, leases };
    onChange();
  }

  get attached(): boolean {
    return this.#views !== undefined;
  }

  /** Somebody deleted the placement, which is proof; a bucket that was lost deletes nothing. */
  placementDeleted(instanceGuid: string): boolean {
    return this.#views?.placements.deleted.has(keys.placed(this.#cellId, instanceGuid)) ?? false;
  }

  read(now: number): FromBus {
    const views = this.#views;
    if (views === undefined) {
      return {
        placements: new Map(),
        placementsFresh: false,
        lrps: new Map(),
        domainFresh: false,
        schedulerActive: false,
        records: new Map(),
        recordsFresh: false,
      };
    }
    return {
      placements: placementsOf(views.placements),
      placementsFresh: complete(views.placements),
      ...desiredOf(views.desired, now),
      schedulerActive: leaseHeld(views.leases, now),
      records: new Map([...views.instances.entries.values()].map(({ value }) => [value.instanceGuid, value])),
      recordsFresh: views.instances.fresh,
    };
  }

  /** Every cell hears of every LRP of the platform; most changes are of none of its own. */
  #concerns(key: string): boolean {
    if (key === keys.domain('cf-apps') || this.#views === undefined) return true;
    for (const { value } of this.#views.placements.entries.values()) {
      if (keys.desiredLrp(value.processGuid) === key) return true;
    }
    return false;
  }

  close(): void {
    if (this.#views === undefined) return;
    for (const view of Object.values(this.#views)) view.close();
  }
}

/** A record that does not parse may be the one that is missed. */
function complete<T>(view: KvView<T>): boolean {
  return view.fresh && view.invalidKeys.size === 0;
}

function placementsOf(view: KvView<PlacementRecord>): Map<string, Placement> {
  const placements = new Map<string, Placement>();
  for (const { value } of view.entries.values()) {
    if (value.kind === 'placed') placements.set(value.instanceGuid, value);
  }
  return placements;
}

function desiredOf(view: KvView<DesiredLrp | DomainFreshness>, now: number): Pick<FromBus, 'lrps' | 'domainFresh'> {
  const marker = view.entries.get(keys.domain('cf-apps'));
  const fresh = marker !== undefined && 'ttlMs' in marker.value && now - marker.receivedAt < marker.value.ttlMs;
  return {
    domainFresh: fresh && complete(view),
    lrps: {
      get: (processGuid) => {
        const value = view.get(keys.desiredLrp(processGuid));
        return value !== undefined && 'processGuid' in value ? value : undefined;
      },
    },
  };
}

/** The bucket's age limit removes a lease without a word. */
function leaseHeld(view: KvView<Lease>, now: number): boolean {
  const lease = view.entries.get(keys.schedulerLease);
  return view.fresh && lease !== undefined && now - lease.receivedAt < buckets.leases.ttlMs;
}
