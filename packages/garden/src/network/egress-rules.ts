import { createHash } from 'node:crypto';
import { z } from 'zod';
import {
  addressText,
  mergeRanges,
  type NumberRange,
  numberText,
  parseAddresses,
  parseNumbers,
} from './address-ranges.ts';

// These become lines for nft, hence the patterns: nothing but figures passes.
const destinations = z
  .array(z.string().regex(/^\d{1,3}(?:\.\d{1,3}){3}(?:\/\d{1,2}|-\d{1,3}(?:\.\d{1,3}){3})?$/))
  .readonly();
const icmpNumber = z.number().int().min(-1).max(255);

export const egressRuleSchema = z
  .object({
    protocol: z.enum(['tcp', 'udp', 'icmp', 'all']),
    destinations,
    ports: z
      .array(z.string().regex(/^\d{1,5}(?:-\d{1,5})?$/))
      .readonly()
      .optional(),
    icmp: z.object({ type: icmpNumber, code: icmpNumber }).readonly().optional(),
    log: z.boolean().optional(),
  })
  .readonly();

/**
 * Something that a container may open connections to; the rules of a list are added up. `destinations` are IPv4
 * addresses, CIDRs or ranges `a-b`, `ports` (of tcp and udp; absent: all) like `80` or `8000-8010`, -1 in `icmp` is any.
 */
export type EgressRule = z.infer<typeof egressRuleSchema>;

/** The chain that a list of rules becomes. Its name is made of what is in it, so that equal lists share one. */
export interface EgressChain {
  readonly name: string;
  readonly lines: readonly string[];
}

/** Chains of rules have names that start so; others are not touched when rules change. */
const PREFIX = 'rules-';
const ALL_ADDRESSES: NumberRange = [0, 2 ** 32 - 1];
const ALL_PORTS: readonly NumberRange[] = [[0, 65_535]];

/** What the ports, the type and the protocol are, in nft's words. */
function matchOf({ protocol, ports, icmp }: EgressRule): string | undefined {
  if (protocol === 'all') return '';
  if (protocol === 'icmp') {
    const type = icmp === undefined || icmp.type === -1 ? '' : ` icmp type ${icmp.type}`;
    const code = icmp === undefined || icmp.code === -1 ? '' : ` icmp code ${icmp.code}`;
    return `meta l4proto icmp${type}${code} `;
  }
  const ranges = ports === undefined ? ALL_PORTS : mergeRanges(ports.map(parseNumbers));
  return ranges.length === 0 ? undefined : `${protocol} dport { ${ranges.map(numberText).join(', ')} } `;
}

function destinationsOf(rules: readonly EgressRule[]): string | undefined {
  const ranges = mergeRanges(rules.flatMap((rule) => rule.destinations.map(parseAddresses)));
  const [first] = ranges;
  if (first === undefined) return undefined;
  if (first[0] === ALL_ADDRESSES[0] && first[1] === ALL_ADDRESSES[1]) return '';
  return `ip daddr { ${ranges.map(addressText).join(', ')} } `;
}

const compiled = new WeakMap<readonly EgressRule[], EgressChain>();

/**
 * One line for each kind of match, with the destinations of all its rules in one set; those that log come last, as on
 * Cloud Foundry, so that what another rule lets pass is not logged.
 */
export function compileEgress(rules: readonly EgressRule[]): EgressChain {
  // Instances of one LRP come with one list.
  const known = compiled.get(rules);
  if (known !== undefined) return known;
  const lines: string[] = [];
  for (const logged of [false, true]) {
    const those = rules.filter(({ log }) => (log ?? false) === logged);
    for (const [match, same] of Map.groupBy(those, matchOf)) {
      const to = destinationsOf(same);
      if (match !== undefined && to !== undefined) lines.push(`${to}${match}${logged ? 'goto logged' : 'accept'}`);
    }
  }
  lines.push('goto refused');
  const hash = createHash('sha256').update(lines.join('\n')).digest('hex');
  const chain = { name: `${PREFIX}${hash.slice(0, 24)}`, lines };
  compiled.set(rules, chain);
  return chain;
}
