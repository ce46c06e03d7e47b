import type { Instance, NetworkPolicy, NetworkRecord } from '@slipway/contracts';
import type { Zone } from './names/zone.ts';

/** What is known of a bucket's records, and how well. */
export interface KnownNetwork {
  readonly records: Iterable<NetworkRecord>;
  /** The bucket was read as a whole, and Cloud Controller says that this is all. */
  readonly complete: boolean;
  /** Keys that somebody deleted, which is proof also when the rest is not known. */
  readonly deleted: (key: string) => boolean;
}

/** By the keys of their records. */
export type HeldNetwork = ReadonlyMap<string, Exclude<NetworkRecord, { kind: 'freshness' }>>;

/**
 * Policies and internal domains to go by: new ones at once; one that is missing goes only for certain, for a store that
 * was lost has taken nobody's rights away.
 */
export function holdNetwork(
  before: HeldNetwork,
  known: KnownNetwork,
  keyOf: (record: NetworkRecord) => string,
): HeldNetwork {
  const held = new Map(known.complete ? [] : [...before].filter(([key]) => !known.deleted(key)));
  for (const record of known.records) if (record.kind !== 'freshness') held.set(keyOf(record), record);
  return held;
}

export function policiesOf(held: HeldNetwork): NetworkPolicy[] {
  return [...held.values()].filter((record) => record.kind === 'policy');
}

/** Addresses of the containers of apps, the latest last: of an address given anew that one is meant. */
export function addressesOf(instances: Iterable<Instance>): { readonly address: string; readonly group: string }[] {
  return [...instances]
    .filter(({ state }) => state !== 'CRASHED')
    .toSorted((a, b) => Date.parse(a.since) - Date.parse(b.since))
    .flatMap(({ address, appGuid }) =>
      address === undefined || appGuid === undefined ? [] : [{ address, group: appGuid }],
    );
}

/** Names and the instances that they lead to: as routers do, to those that run and are ready. */
export function zoneOf(held: HeldNetwork, instances: Iterable<Instance>): Zone {
  const domains = [...held.values()].flatMap((record) => (record.kind === 'internal-domain' ? [record.name] : []));
  const hosts: Record<string, { index: number; address?: string }[]> = {};
  for (const { index, state, routable, address, internalHosts = [] } of instances) {
    const used = state === 'RUNNING' && routable && address !== undefined;
    for (const host of new Set(internalHosts)) {
      const name = host.toLowerCase();
      const known = Object.hasOwn(hosts, name) ? hosts[name] : undefined;
      const instance = { index, ...(used ? { address } : {}) };
      if (known === undefined) hosts[name] = [instance];
      else known.push(instance);
    }
  }
  return { domains: domains.toSorted(), hosts };
}
