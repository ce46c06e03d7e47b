import type { CommandRunner } from '../runtime/command.ts';

/** What a cell's rules are made of. */
export interface FirewallSpec {
  readonly table: string;
  /** Start of the names of this cell's host devices. */
  readonly devicePrefix: string;
  /** Start of those of all cells of the machine. */
  readonly anyCellPrefix: string;
  readonly subnet: string;
  /** CIDRs outside of the machine that may open connections to containers, e.g. of routers. */
  readonly reachableFrom: readonly string[];
}

/**
 * The cell's nftables table, replacing an earlier one at a stroke:
 * - containers open no connection to the host's own addresses (its ports, NATS, other cells' parts);
 * - nor to containers of any cell of this machine, nor to link-local addresses (cloud metadata);
 * - nothing outside opens connections to them, but what `reachableFrom` lists;
 * - packets with a source that is not the container's own are dropped;
 * - what leaves the machine has its address.
 */
export function firewallRules(spec: FirewallSpec): string {
  const own = `"${spec.devicePrefix}*"`;
  const any = `"${spec.anyCellPrefix}*"`;
  const admitted = spec.reachableFrom.map((cidr) => `    oifname ${own} ip saddr ${cidr} accept\n`).join('');
  return `add table inet ${spec.table}
delete table inet ${spec.table}
table inet ${spec.table} {
  chain prerouting {
    type filter hook prerouting priority raw; policy accept;
    iifname ${own} meta nfproto ipv6 counter drop
    iifname ${own} fib saddr . iif oif 0 counter drop
  }
  chain input {
    type filter hook input priority filter - 5; policy accept;
    iifname ${own} ct state established,related accept
    iifname ${own} counter drop
  }
  chain forward {
    type filter hook forward priority filter - 5; policy accept;
    iifname ${any} oifname ${any} counter drop
    iifname ${own} ip daddr 169.254.0.0/16 counter drop
    oifname ${own} ct state established,related accept
${admitted}    oifname ${own} counter drop
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${spec.subnet} oifname != ${any} masquerade
  }
}
`;
}

/** Puts the rules in place. */
export async function installFirewall(run: CommandRunner, spec: FirewallSpec): Promise<void> {
  await run('nft', ['-f', '-'], { input: firewallRules(spec), phase: 'network' });
}

/** Removes the table; fine when there is none. */
export async function removeFirewall(run: CommandRunner, table: string): Promise<void> {
  await run('nft', ['-f', '-'], { input: `add table inet ${table}\ndelete table inet ${table}\n`, phase: 'network' });
}
