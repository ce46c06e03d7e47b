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
  #chains = new Map<string, string>();
  #pending = new Map<string, Change[]>();
  #working: Promise<void> | undefined;

  constructor(run: CommandRunner, table: string) {
    this.#run = run;
    this.#table = table;
  }

  /** The lines that give a table without any rules those of the containers that are there; notes that it has them. */
  initial(containers: readonly Allowance[]): string {
    this.#chains = new Map();
    const changes = new Map<string, EgressChain | undefined>();
    for (const { address, rules } of containers)
      changes.set(address, rules === undefined ? undefined : compileEgress(rules));
    const { lines, after } = this.#transaction(changes);
    this.#chains = after;
    return lines.map((line) => `${line}\n`).join('');
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
    this.#working ??= this.#work();
    await change.done.promise;
  }

  async #work(): Promise<void> {
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
      this.#working = undefined;
    }
  }

  async #apply(changes: ReadonlyMap<string, EgressChain | undefined>): Promise<void> {
    const { lines, after } = this.#transaction(changes);
    if (lines.length === 0) return;
    await this.#run('nft', ['-f', '-'], { input: `${lines.join('\n')}\n`, phase: 'network' });
    this.#chains = after;
  }

  #transaction(changes: ReadonlyMap<string, EgressChain | undefined>): {
    readonly lines: readonly string[];
    readonly after: Map<string, string>;
  } {
    const before = this.#chains;
    const differing = [...changes].filter(([address, chain]) => before.get(address) !== chain?.name);
    const after = new Map(before);
    for (const [address, chain] of differing) {
      if (chain === undefined) after.delete(address);
      else after.set(address, chain.name);
    }
    const [had, has] = [new Set(before.values()), new Set(after.values())];
    const lines: string[] = [];
    const written = new Set<string>();
    for (const [, chain] of differing) {
      if (chain === undefined || had.has(chain.name) || written.has(chain.name)) continue;
      written.add(chain.name);
      lines.push(`add chain inet ${this.#table} ${chain.name}`);
      for (const line of chain.lines) lines.push(`add rule inet ${this.#table} ${chain.name} ${line}`);
    }
    const left = differing.filter(([address]) => before.has(address)).map(([address]) => address);
    if (left.length > 0) lines.push(`delete element inet ${this.#table} egress { ${left.join(', ')} }`);
    const added = differing.flatMap(([address, chain]) =>
      chain === undefined ? [] : [`${address} : goto ${chain.name}`],
    );
    if (added.length > 0) lines.push(`add element inet ${this.#table} egress { ${added.join(', ')} }`);
    for (const chain of had) {
      if (has.has(chain)) continue;
      lines.push(`flush chain inet ${this.#table} ${chain}`, `delete chain inet ${this.#table} ${chain}`);
    }
    return { lines, after };
  }
}
