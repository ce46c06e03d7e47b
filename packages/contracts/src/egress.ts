import { z } from 'zod';

/** First and last address of a destination, as 32-bit numbers. */
export interface Ipv4Range {
  readonly first: number;
  readonly last: number;
}

function address(text: string): number | undefined {
  if (!/^(?:(?:0|[1-9]\d{0,2})(?:\.|$)){4}$/.test(text) || text.endsWith('.')) return undefined;
  const parts = text.split('.').map(Number);
  return parts.every((part) => part < 256) ? parts.reduce((sum, part) => sum * 256 + part, 0) : undefined;
}

/** An IPv4 address, a CIDR (whatever its host bits) or a range `a-b`; undefined for anything else. */
export function parseIpv4Range(text: string): Ipv4Range | undefined {
  const dash = text.indexOf('-');
  if (dash !== -1) {
    const [first, last] = [address(text.slice(0, dash)), address(text.slice(dash + 1))];
    return first === undefined || last === undefined || first > last ? undefined : { first, last };
  }
  const [host = '', bits = '32', more] = text.split('/');
  const base = address(host);
  if (base === undefined || more !== undefined || !/^(?:\d|[12]\d|3[012])$/.test(bits)) return undefined;
  const size = 2 ** (32 - Number(bits));
  const first = Math.floor(base / size) * size;
  return { first, last: first + size - 1 };
}

const octet = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const ipv4 = `${octet}(?:\\.${octet}){3}`;
/** An address, a CIDR or a range `a-b`, all of IPv4: containers have no other. */
const destinations = z
  .array(
    z.string().regex(new RegExp(`^${ipv4}(?:/(?:3[012]|[12]?\\d)|-${ipv4})?$`), 'expected an address, CIDR or range'),
  )
  .min(1);
const port = '(?:6553[0-5]|655[0-2]\\d|65[0-4]\\d\\d|6[0-4]\\d{3}|[1-5]\\d{4}|[1-9]\\d{0,3})';
/** -1: any (Cloud Foundry). */
const icmpNumber = z.int().min(-1).max(255);
/** Each connection that it lets pass is written to the app's log. */
const log = z.boolean().optional();

/**
 * What a container may open connections to: one rule of an application security group. The rules of a list are added up.
 * Whatever they say, the cell's own ports, Slipway's, link-local addresses and other containers are not reached.
 */
export const egressRuleSchema = z.discriminatedUnion('protocol', [
  z.object({
    protocol: z.enum(['tcp', 'udp']),
    destinations,
    /** Each `80` or `8000-8010`. */
    ports: z
      .array(z.string().regex(new RegExp(`^${port}(?:-${port})?$`), 'expected a port or a range of ports'))
      .min(1),
    log,
  }),
  z.object({
    protocol: z.literal('icmp'),
    destinations,
    icmp: z.object({ type: icmpNumber, code: icmpNumber }),
    log,
  }),
  z.object({ protocol: z.literal('all'), destinations, log }),
]);
export type EgressRule = z.infer<typeof egressRuleSchema>;
