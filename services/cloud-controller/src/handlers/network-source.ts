import { type InternalDomain, keys, type NetworkPolicy } from '@slipway/contracts';
import { portsOf } from '../actions/network-policies.ts';
import {
  loadAllPolicies,
  loadInternalDomains,
  loadPoliciesBetween,
  type NetworkPolicyRow,
} from '../adapters/sql/network-policy-rows.ts';
import type { Db } from '../adapters/sql/schema.ts';
import type { DesiredSource } from './desired-sync.ts';

const POLICY = /^policy\.([^.]+)\.([^.]+)$/;

/** Network policies and internal domains, each by the key of its record. */
export function networkSource(db: Db): DesiredSource<NetworkPolicy | InternalDomain> {
  return {
    load: async (key) => {
      const [, source, destination] = POLICY.exec(key) ?? [];
      if (source !== undefined && destination !== undefined) {
        return policyOf(await loadPoliciesBetween(db, source, destination));
      }
      const name = (await loadInternalDomains(db)).find((domain) => keys.internalDomain(domain) === key);
      return name === undefined ? undefined : domainOf(name);
    },
    loadAll: async function* () {
      const domains = await loadInternalDomains(db);
      yield domains.map((name) => ({ guid: keys.internalDomain(name), record: () => domainOf(name) }));
      for await (const rows of loadAllPolicies(db)) {
        const pairs = Map.groupBy(rows, (row) => keys.networkPolicy(row.source_guid, row.destination_guid));
        yield [...pairs].flatMap(([guid, pair]) => {
          const policy = policyOf(pair);
          return policy === undefined ? [] : [{ guid, record: () => policy }];
        });
      }
    },
  };
}

function domainOf(name: string): InternalDomain {
  return { v: 1, kind: 'internal-domain', name };
}

function policyOf(rows: readonly NetworkPolicyRow[]): NetworkPolicy | undefined {
  const [first] = rows;
  if (first === undefined) return undefined;
  const { source_guid: source, destination_guid: destination } = first;
  return { v: 1, kind: 'policy', source, destination, ports: portsOf(rows) };
}
