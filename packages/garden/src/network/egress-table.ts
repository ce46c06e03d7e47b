import type { CommandRunner } from '../runtime/command.ts';
import { compileEgress, type EgressChain, type EgressRule } from './egress-rules.ts';

/** A container's address and what may be reached from there. */
export interface Allowance {
  readonly address: string;
  readonly rules: readonly EgressRule[] | undefined;
  /** Whose network policies hold for it. */
  readonly group?: string;
}

interface Change {
  readonly chain: EgressChain | undefined;
  readonly done: PromiseWithResolvers<void>;
}

/**
 * Which chain of rules applies to which address: the map `egress` of the cell's table. Changes that come together are
 * one transaction of nft; none is ever seen half made. An address keeps its rules when its container goes: the next one
 * has the same more often than not, and then there is nothing to do.
 */
export class EgressTable {
  readonly #run: CommandRunner;
  readonly #table: string;
  #chains = new Map<string, EgressChain>();
  /** A change failed, perhaps after the kernel had it: the next one says everything anew. */
  #unsure = false;
  #pending = new Map<string, Change[]>();
  #working = false;

  constructor(run: CommandRunner, table: string) {
    this.#run = run;
    this.#table = table;
  }

  /** The lines that give a table without any rules those of the containers that are there; notes that it has them. */
  initial(containers: readonly Allowance[]): string {
    this.#chains = new Map();
    this.#unsure = false;
    for (const { address, rules } of containers)
      if (rules !== undefined) this.#chains.set(address, compileEgress(rules));
    return this.#everything(this.#chains)
      .map((line) => `${line}\n`)
      .join('');
  }

  /** From then on connections from an address go where the rules say, or without any, wherever nothing is in the way. */
  async allow(address: string, rules: readonly EgressRule[] | undefined): Promise<void> {
    const change: Change = {
      chain: rules === undefined ? undefined : compileEgress(rules),
      done: Promise.withResolvers(),
    };
    const waiting = this.#pending.get(address);
    if (waiting === undefined) this.#pending.set(address, [change]);
    else waiting.push(change);
    if (!this.#working) void this.#work();
    await change.done.promise;
  }

  async #work(): Promise<void> {
    this.#working = true;
    try {
      // All that is asked for in this turn goes together.
      await Promise.resolve();
      while (this.#pending.size > 0) {
        const batch = this.#pending;
        this.#pending = new Map();
        const all = [...batch.values()].flat();
        try {
          await this.#apply(new Map([...batch].map(([address, changes]) => [address, changes.at(-1)?.chain])));
          for (const { done } of all) done.resolve();
        } catch (error) {
          for (const { done } of all) done.reject(error);
        }
      }
    } finally {
      this.#working = false;
    }
  }

  async #apply(changes: ReadonlyMap<string, EgressChain | undefined>): Promise<void> {
    const { lines, after } = this.#transaction(changes);
    if (lines.length === 0) return;
    try {
      await this.#run('nft', ['-f', '-'], { input: `${lines.join('\n')}\n`, phase: 'network' });
    } catch (error) {
      this.#unsure = true;
      throw error;
    }
    this.#unsure = false;
    this.#chains = after;
  }

  #transaction(changes: ReadonlyMap<string, EgressChain | undefined>): {
    readonly lines: readonly string[];
    readonly after: Map<string, EgressChain>;
  } {
    const before = this.#chains;
    const differing = [...changes].filter(([address, chain]) => before.get(address)?.name !== chain?.name);
    const after = new Map(before);
    for (const [address, chain] of differing) {
      if (chain === undefined) after.delete(address);
      else after.set(address, chain);
    }
    if (this.#unsure) return { lines: [`flush map inet ${this.#table} egress`, ...this.#everything(after)], after };
    const [had, has] = [chainsOf(before), chainsOf(after)];
    const lines = [...has].flatMap(([name, chain]) => (had.has(name) ? [] : this.#written(chain)));
    const left = differing.filter(([address]) => before.has(address)).map(([address]) => address);
    if (left.length > 0) lines.push(`delete element inet ${this.#table} egress { ${left.join(', ')} }`);
    lines.push(...this.#added(differing));
    for (const name of had.keys()) {
      if (has.has(name)) continue;
      lines.push(`flush chain inet ${this.#table} ${name}`, `delete chain inet ${this.#table} ${name}`);
    }
    return { lines, after };
  }

  #everything(all: ReadonlyMap<string, EgressChain>): string[] {
    return [...[...chainsOf(all).values()].flatMap((chain) => this.#written(chain)), ...this.#added([...all])];
  }

  #written({ name, lines }: EgressChain): string[] {
    const of = `chain inet ${this.#table} ${name}`;
    return [`add ${of}`, `flush ${of}`, ...lines.map((line) => `add rule inet ${this.#table} ${name} ${line}`)];
  }

  #added(entries: readonly (readonly [string, EgressChain | undefined])[]): string[] {
    const elements = entries.flatMap(([address, chain]) =>
      chain === undefined ? [] : [`${address} : goto ${chain.name}`],
    );
    return elements.length === 0 ? [] : [`add element inet ${this.#table} egress { ${elements.join(', ')} }`];
  }
}

function chainsOf(addresses: ReadonlyMap<string, EgressChain>): Map<string, EgressChain> {
  return new Map([...addresses.values()].map((chain) => [chain.name, chain]));
}
