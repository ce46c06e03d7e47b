import type { EgressRule } from '@slipway/contracts';
import { parsePorts } from './rule-problems.ts';

/** A rule of a security group as it was accepted. */
export interface SecurityGroupRule {
  readonly protocol: 'tcp' | 'udp' | 'icmp' | 'all';
  /** With commas between several. */
  readonly destination: string;
  readonly ports?: string | null;
  readonly type?: number | null;
  readonly code?: number | null;
  readonly log?: boolean | null;
  readonly description?: string | null;
}

/** What all of these rules together let pass, as cells are told of it; rules that differ in nothing else share one. */
export function egressOf(rules: readonly SecurityGroupRule[]): EgressRule[] {
  const byKind = new Map<string, EgressRule>();
  for (const rule of rules) {
    const { destinations, ...rest } = oneRule(rule);
    const kind = JSON.stringify(rest);
    const same = byKind.get(kind)?.destinations ?? [];
    byKind.set(kind, { ...rest, destinations: [...new Set([...same, ...destinations])] } as EgressRule);
  }
  return [...byKind.values()];
}

function oneRule({ protocol, destination, ports, type, code, log }: SecurityGroupRule): EgressRule {
  const destinations = destination.split(',');
  const logged = log === true ? { log } : {};
  switch (protocol) {
    case 'tcp':
    case 'udp':
      return { protocol, destinations, ports: parsePorts(ports) ?? [], ...logged };
    case 'icmp':
      return { protocol, destinations, icmp: { type: type ?? -1, code: code ?? -1 }, ...logged };
    case 'all':
      return { protocol, destinations, ...logged };
  }
}
