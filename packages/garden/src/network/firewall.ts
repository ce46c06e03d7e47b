import type { CommandRunner } from '../runtime/command.ts';
import { NEVER_REACHED } from './never-reached.ts';

/** How a packet that is told of begins. */
export const ACCEPTED = 'accepted';
export const REFUSED = 'refused';

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
  /** The nflog group that packets are told in, which no other cell of the machine has. */
  readonly logGroup: number;
  /** The cell's own address, where its containers ask for names; absent: it answers none. */
  readonly nameServer?: string;
  /** Lines of nft that follow the table: what containers that are there already may reach. */
  readonly egress?: string;
  /** The same, of one another. */
  readonly policies?: string;
}

/**
 * The cell's nftables table, replacing an earlier one at a stroke. Where a packet from a container goes:
 *
 * ```
 * prerouting ─ a source that is not the container's own: dropped
 * input ─ to-host ─ refused                          the host's own addresses: its ports, NATS, other parts of the cell
 *                 └ port 53 of the cell's own address, at a bounded rate for each container
 * forward ─ from-container ─ between-containers      a container of any cell of this machine, or of another (@cells)
 *         │                ─ refused                 @platform (ports of Slipway elsewhere), link-local, cloud metadata
 *         │                └ map egress ─ rules-HASH the security groups' rules; no entry: everything else
 *         └ to-container ─ between-containers        the same, from a container of another cell
 *                        └                           nothing else opens a connection to one but what `reachableFrom` lists
 * postrouting ─ what leaves the machine has its address
 * ```
 *
 * Chain `logged` lets pass, too, and tells of it; `refused` tells of what it refuses. Both at a bounded rate for each container.
 * Established connections go on whatever rules change, as on Cloud Foundry; but those between containers end with their
 * policy (`policy-table.ts` fills `between-containers`). What is refused is answered with a reset or
 * an ICMP error, so that apps hear of it at once.
 */
export function firewallRules(spec: FirewallSpec): string {
  const own = `"${spec.devicePrefix}*"`;
  const any = `"${spec.anyCellPrefix}*"`;
  const admitted = spec.reachableFrom.map((cidr) => `    ip saddr ${cidr} accept\n`).join('');
  const names = spec.nameServer === undefined ? '' : nameRules(spec.nameServer);
  return `add table inet ${spec.table}
delete table inet ${spec.table}
table inet ${spec.table} {
  map egress {
    type ipv4_addr : verdict
  }
  set platform {
    type ipv4_addr . inet_service
  }
  set cells {
    type ipv4_addr
    flags interval
  }
  set asked-names {
    type ipv4_addr
    size 65535
    flags dynamic,timeout
    timeout 10s
  }
  set told-accepted {
    type ipv4_addr
    size 65535
    flags dynamic,timeout
    timeout 1m
  }
  set told-refused {
    type ipv4_addr
    size 65535
    flags dynamic,timeout
    timeout 1m
  }
  chain logged {
    update @told-accepted { ip saddr limit rate 20/second burst 50 packets } log prefix "${ACCEPTED}" group ${spec.logGroup}
    accept
  }
  chain refused {
    ct state new ip daddr != 224.0.0.0/4 update @told-refused { ip saddr limit rate 5/second burst 20 packets } log prefix "${REFUSED}" group ${spec.logGroup}
    meta l4proto tcp counter reject with tcp reset
    counter reject
  }
  chain prerouting {
    type filter hook prerouting priority raw; policy accept;
    iifname ${own} meta nfproto ipv6 counter drop
    iifname ${own} fib saddr . iif oif 0 counter drop
  }
  chain to-host {
${names}    ct state established,related accept
    goto refused
  }
  chain input {
    type filter hook input priority filter - 5; policy accept;
    iifname ${own} goto to-host
  }
  chain between-containers {
    goto refused
  }
  chain from-container {
    oifname ${any} goto between-containers
    ip daddr @cells goto between-containers
    ct state established,related accept
    ip daddr . tcp dport @platform goto refused
    ip daddr { ${NEVER_REACHED.join(', ')} } goto refused
    ip saddr vmap @egress
  }
  chain to-container {
    iifname ${any} goto between-containers
    ip saddr @cells goto between-containers
    ct state established,related accept
${admitted}    counter drop
  }
  chain forward {
    type filter hook forward priority filter - 5; policy accept;
    iifname ${own} jump from-container
    oifname ${own} goto to-container
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${spec.subnet} oifname != ${any} ip daddr != @cells masquerade
  }
}
${spec.egress ?? ''}${spec.policies ?? ''}`;
}

/** Each query is a packet of its own, so the rate holds for those of one socket, too. */
function nameRules(address: string): string {
  return `    ip daddr ${address} udp dport 53 update @asked-names { ip saddr limit rate over 1000/second burst 2000 packets } counter drop
    ip daddr ${address} meta l4proto { tcp, udp } th dport 53 accept
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
