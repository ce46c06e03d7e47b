import { z } from 'zod';

/** What is known of names on internal domains. */
export const zoneSchema = z.object({
  /** Nothing below them is ever asked of anybody else. Lower case, without a dot at the end. */
  domains: z.array(z.string()),
  /** Instances by the names that lead to them; `address` is absent while it is not to be used. */
  hosts: z.record(z.string(), z.array(z.object({ index: z.int(), address: z.string().optional() }))),
});
export type Zone = z.infer<typeof zoneSchema>;

export const EMPTY_ZONE: Zone = { domains: [], hosts: {} };

/**
 * `addresses`: there is such a name, though perhaps none of this type (NODATA). `elsewhere`: it is none of ours.
 */
export type Answer =
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }
  | { readonly kind: 'no-such-name' }
  | { readonly kind: 'elsewhere' };

const A_TYPES: ReadonlySet<string> = new Set(['A', 'ANY']);

/**
 * As Cloud Foundry's service discovery answers: all instances of a route, or by `<index>.<route>` one. It says NODATA to
 * what is not known, too; here that is NXDOMAIN, but for a name with others below it (RFC 8020).
 */
export function lookUp(zone: Zone, asked: string, type: string): Answer {
  const name = asked.toLowerCase().replace(/\.$/, '');
  if (!zone.domains.some((domain) => name === domain || name.endsWith(`.${domain}`))) return { kind: 'elsewhere' };
  const instances = instancesOf(zone, name);
  if (instances !== undefined) {
    const addresses = A_TYPES.has(type) ? instances.flatMap(({ address }) => address ?? []) : [];
    return { kind: 'addresses', addresses: [...new Set(addresses)] };
  }
  const hasBelow = zone.domains.includes(name) || Object.keys(zone.hosts).some((host) => host.endsWith(`.${name}`));
  return hasBelow ? { kind: 'addresses', addresses: [] } : { kind: 'no-such-name' };
}

function instancesOf(zone: Zone, name: string): Zone['hosts'][string] | undefined {
  if (Object.hasOwn(zone.hosts, name)) return zone.hosts[name];
  const [, index, host = ''] = /^(0|[1-9]\d{0,5})\.(.+)$/.exec(name) ?? [];
  if (index === undefined || !Object.hasOwn(zone.hosts, host)) return undefined;
  const found = zone.hosts[host]?.filter((instance) => instance.index === Number(index)) ?? [];
  return found.length === 0 ? undefined : found;
}
