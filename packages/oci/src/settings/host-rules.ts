import { BlockList, isIP } from 'node:net';
import { type HostPattern, type HostTarget, matchesHost, parseHostPattern } from './host-pattern.ts';

/** A list of hosts and networks, as in `plainHttp`. */
export class HostRules {
  readonly #patterns: readonly HostPattern[];
  readonly #networks: readonly Network[];
  readonly #blocks = new BlockList();

  constructor(patterns: readonly HostPattern[], networks: readonly Network[]) {
    this.#patterns = patterns;
    this.#networks = networks;
    for (const { address, prefix, family } of networks) this.#blocks.addSubnet(address, prefix, family);
  }

  /** Whether there are networks at all: without them no address needs to be looked up. */
  get hasNetworks(): boolean {
    return this.#networks.length > 0;
  }

  /** What is on this list or on the other. */
  and(other: HostRules): HostRules {
    return new HostRules([...this.#patterns, ...other.#patterns], [...this.#networks, ...other.#networks]);
  }

  /** Whether the host is on the list by its name, or by its address where that is the name. */
  names(target: HostTarget): boolean {
    return this.#patterns.some((pattern) => matchesHost(pattern, target));
  }

  /** Whether all of these addresses are in networks of the list; false without any. */
  covers(addresses: readonly string[]): boolean {
    return (
      this.hasNetworks &&
      addresses.length > 0 &&
      addresses.every((address) => this.#blocks.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'))
    );
  }
}

export interface Network {
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** One entry of a list, or why it is none. */
export type HostRule =
  | { readonly kind: 'host'; readonly pattern: HostPattern }
  | { readonly kind: 'network'; readonly network: Network }
  | { readonly kind: 'wrong'; readonly found: string };

/** What an entry may look like, for the errors. */
export const HOST_RULE_FORM = 'host, host:port, *.domain, or a network such as 10.20.0.0/16 or fd00:1::/32';

export function parseHostRule(text: string): HostRule {
  const slash = text.indexOf('/');
  if (slash === -1) {
    const pattern = parseHostPattern(text);
    return pattern === undefined
      ? { kind: 'wrong', found: 'which is no host' }
      : { kind: 'host', pattern: { ...pattern, text } };
  }
  const [address, digits] = [text.slice(0, slash), text.slice(slash + 1)];
  const version = address.includes('%') ? 0 : isIP(address);
  const bits = version === 6 ? 128 : 32;
  if (version === 0 || !/^\d{1,3}$/.test(digits) || Number(digits) > bits) {
    return { kind: 'wrong', found: 'which is no network' };
  }
  const prefix = Number(digits);
  if (prefix === 0) {
    return { kind: 'wrong', found: 'which is every host there is' };
  }
  const family = version === 6 ? 'ipv6' : 'ipv4';
  if (!isNetworkAddress(address, prefix, family)) {
    return { kind: 'wrong', found: `whose address has bits set beyond the first ${prefix}` };
  }
  return { kind: 'network', network: { address, prefix, family } };
}

/** `10.1.2.3/8` is more likely a slip than meant as 10.0.0.0/8. */
function isNetworkAddress(address: string, prefix: number, family: Network['family']): boolean {
  const bytes = family === 'ipv4' ? address.split('.').map(Number) : ipv6Bytes(address);
  return bytes.every((byte, i) => (byte & (0xff >> Math.min(8, Math.max(0, prefix - i * 8)))) === 0);
}

function ipv6Bytes(address: string): number[] {
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const groups = (part: string | undefined): number[] =>
    part === undefined || part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [front, back] = [groups(head), groups(tail)];
  const all = [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back];
  return all.flatMap((group) => [group >> 8, group & 0xff]);
}

/** @returns the rules, and each entry that is none */
export function hostRules(entries: readonly string[]): {
  readonly rules: HostRules;
  readonly wrong: readonly { readonly index: number; readonly found: string }[];
} {
  const parsed = entries.map(parseHostRule);
  return {
    rules: new HostRules(
      parsed.flatMap((rule) => (rule.kind === 'host' ? [rule.pattern] : [])),
      parsed.flatMap((rule) => (rule.kind === 'network' ? [rule.network] : [])),
    ),
    wrong: parsed.flatMap((rule, index) => (rule.kind === 'wrong' ? [{ index, found: rule.found }] : [])),
  };
}
