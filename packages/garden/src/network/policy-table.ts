import { isIPv4 } from 'node:net';
import type { CommandRunner } from '../runtime/command.ts';
import { addressText, mergeRanges, type NumberRange, numberText, parseAddresses } from './address-ranges.ts';

/** What containers of one group (an app) may reach at those of another, or of the same. */
export interface GroupPolicy {
  readonly source: string;
  readonly destination: string;
  readonly ports: readonly { readonly protocol: 'tcp' | 'udp'; readonly start: number; readonly end: number }[];
}

/** What a cell is told of the containers of all cells. */
export interface GroupPolicies {
  readonly policies: readonly GroupPolicy[];
  /** Containers of other cells. Of one address the last is meant. */
  readonly elsewhere: readonly { readonly address: string; readonly group: string }[];
  /** What other cells give addresses from. */
  readonly subnets: readonly string[];
}

const NONE: GroupPolicies = { policies: [], elsewhere: [], subnets: [] };

/**
 * Which containers reach which others: the chain `between-containers` of the cell's table, and the set `cells`. Who has
 * an address of this cell only the cell itself says. A change is one transaction of nft, and changes that come together
 * are one. Both directions of a connection are held to what its first packet was, so one whose policy goes ends at once.
 */
export class PolicyTable {
  readonly #run: CommandRunner;
  readonly #table: string;
  readonly #ownAddresses: NumberRange;
  readonly #own = new Map<string, string>();
  #policies = NONE;
  #generation = 0;
  #chains: readonly string[] = [];
  /** What the table has, but for the names of chains. */
  #applied = '';
  #waiting: PromiseWithResolvers<void>[] = [];
  #working: Promise<void> | undefined;

  constructor(run: CommandRunner, table: string, subnet: string) {
    this.#run = run;
    this.#table = table;
    this.#ownAddresses = parseAddresses(subnet);
  }

  /** The lines that give a new table what containers that are there may reach; notes that it has them. */
  initial(
    policies: GroupPolicies,
    containers: readonly { readonly address: string; readonly group?: string }[],
  ): string {
    this.#policies = policies;
    this.#own.clear();
    for (const { address, group } of containers) if (group !== undefined) this.#own.set(address, group);
    this.#chains = [];
    return this.#transaction(this.#rules())
      .map((line) => `${line}\n`)
      .join('');
  }

  /** From then on these hold, and no others. */
  async update(policies: GroupPolicies): Promise<void> {
    this.#policies = policies;
    await this.#settle();
  }

  /** From then on an address of this cell has the rights of a group, and no others. */
  async join(address: string, group: string | undefined): Promise<void> {
    if (this.#own.get(address) === group) return;
    if (group === undefined) this.#own.delete(address);
    else this.#own.set(address, group);
    await this.#settle();
  }

  async #settle(): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#waiting.push(done);
    if (this.#working === undefined) this.#working = this.#work();
    await done.promise;
  }

  async #work(): Promise<void> {
    try {
      // All that is asked for in this turn goes together.
      await Promise.resolve();
      while (this.#waiting.length > 0) {
        const waiting = this.#waiting;
        this.#waiting = [];
        try {
          await this.#apply();
          for (const done of waiting) done.resolve();
        } catch (error) {
          for (const done of waiting) done.reject(error);
        }
      }
    } finally {
      this.#working = undefined;
    }
  }

  async #apply(): Promise<void> {
    const rules = this.#rules();
    if (JSON.stringify(rules) === this.#applied) return;
    const before = this.#chains;
    try {
      await this.#run('nft', ['-f', '-'], { input: `${this.#transaction(rules).join('\n')}\n`, phase: 'network' });
    } catch (error) {
      this.#chains = before;
      this.#applied = '';
      throw error;
    }
  }

  /** What one end of the connections of this cell's containers is. */
  #rules(): CellRules {
    const addresses = new Map<string, string[]>();
    const local = new Set(this.#own.values());
    const groups = new Map(this.#own);
    for (const { address, group } of this.#policies.elsewhere) {
      if (isIPv4(address) && !this.#isOwn(address)) groups.set(address, group);
    }
    for (const [address, group] of groups) {
      const of = addresses.get(group);
      if (of === undefined) addresses.set(group, [address]);
      else of.push(address);
    }
    const concerning = this.#policies.policies.filter(
      ({ source, destination }) =>
        (local.has(source) || local.has(destination)) && addresses.has(source) && addresses.has(destination),
    );
    const destinations = [...Map.groupBy(concerning, ({ destination }) => destination)].map(
      ([destination, policies]) => ({
        addresses: (addresses.get(destination) ?? []).toSorted(),
        rules: policies
          .flatMap(({ source, ports }) => {
            const sources = [...new Set(addresses.get(source))].toSorted().join(', ');
            return [...rulesOf(sources, ports), errorsRule(sources)];
          })
          .toSorted(),
      }),
    );
    const subnets = this.#policies.subnets.filter(isSubnet);
    return { destinations, cells: mergeRanges(subnets.map(parseAddresses)).map(addressText) };
  }

  #isOwn(address: string): boolean {
    const [number] = parseAddresses(address);
    return this.#ownAddresses[0] <= number && number <= this.#ownAddresses[1];
  }

  #transaction(rules: CellRules): string[] {
    const { destinations, cells } = rules;
    this.#generation += 1;
    const of = `inet ${this.#table}`;
    const before = this.#chains;
    const chains = destinations.map((_, index) => `policy-${this.#generation}-${index}`);
    const lines = [`flush set ${of} cells`, `flush chain ${of} between-containers`];
    if (cells.length > 0) lines.push(`add element ${of} cells { ${cells.join(', ')} }`);
    const ways: string[] = [];
    for (const [index, { addresses, rules: accepted }] of destinations.entries()) {
      const chain = chains[index] ?? '';
      lines.push(`add chain ${of} ${chain}`, ...accepted.map((rule) => `add rule ${of} ${chain} ${rule}`));
      ways.push(...addresses.map((address) => `${address} : jump ${chain}`));
    }
    if (ways.length > 0) {
      lines.push(`add rule ${of} between-containers ct original ip daddr vmap { ${ways.join(', ')} }`);
    }
    lines.push(`add rule ${of} between-containers goto refused`);
    for (const chain of before) lines.push(`flush chain ${of} ${chain}`, `delete chain ${of} ${chain}`);
    this.#chains = chains;
    this.#applied = JSON.stringify(rules);
    return lines;
  }
}

interface CellRules {
  readonly destinations: readonly { readonly addresses: readonly string[]; readonly rules: readonly string[] }[];
  readonly cells: readonly string[];
}

function rulesOf(from: string, ports: GroupPolicy['ports']): string[] {
  return [...Map.groupBy(ports, ({ protocol }) => protocol)].map(([protocol, ranges]) => {
    const merged = mergeRanges(ranges.map(({ start, end }) => [start, end]));
    const to = merged.map(numberText).join(', ');
    return `meta l4proto ${protocol} ct original ip saddr { ${from} } ct original proto-dst { ${to} } accept`;
  });
}

/** ICMP errors of such connections. */
function errorsRule(from: string): string {
  return `meta l4proto icmp ct state related ct original ip saddr { ${from} } accept`;
}

function isSubnet(text: string): boolean {
  const [address = '', bits = ''] = text.split('/');
  return isIPv4(address) && /^\d{1,2}$/.test(bits) && Number(bits) >= 8 && Number(bits) <= 32;
}
