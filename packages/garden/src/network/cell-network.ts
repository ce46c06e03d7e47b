import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { asGardenError } from '../errors.ts';
import { type CommandRunner, runCommand } from '../runtime/command.ts';
import type { EgressRule } from './egress-rules.ts';
import { type Allowance, EgressTable } from './egress-table.ts';
import { installFirewall, removeFirewall } from './firewall.ts';
import { enableForwarding, restoreForwarding } from './ip-forwarding.ts';
import { PacketLog, type PacketNews } from './packet-log.ts';
import { type GroupPolicies, PolicyTable } from './policy-table.ts';
import { parseSubnet, type Subnet } from './subnet.ts';
import { uplinkMtu } from './uplink.ts';
import { connectContainer, disconnectContainer } from './veth.ts';

export interface CellNetworkOptions {
  readonly cell: string;
  readonly subnet: string;
  readonly reachableFrom: readonly string[];
  /** Containers ask the cell's own address for names: it is there, also without containers. */
  readonly namesOwnServer?: boolean;
}

/** A TCP port somewhere else, by IPv4 address. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** A container's place in the network; kept in its record. */
export interface ContainerNetwork {
  readonly address: string;
  readonly hostDevice: string;
}

const NO_POLICIES: GroupPolicies = { policies: [], elsewhere: [], subnets: [] };
const ANY_CELL = 'slw';
const TABLE = 'slipway';

/** Table and device names of a cell. Both are short in the kernel, so that devices have a hash of the cell's name. */
function names(cell: string): { readonly table: string; readonly devicePrefix: string; readonly logGroup: number } {
  const hash = createHash('sha256').update(cell).digest('hex').slice(0, 6);
  const plain = cell.replaceAll(/[^A-Za-z0-9]/g, '_').slice(0, 32);
  return {
    table: `${TABLE}_${plain === cell ? cell : `${plain}_${hash}`}`,
    devicePrefix: `${ANY_CELL}${hash}-`,
    // 0 is what the kernel itself logs to.
    logGroup: 1 + (Number.parseInt(hash, 16) % 65_535),
  };
}

/** The network of one cell's containers: a routed pair for each, no bridge, and a table of rules for all. */
export class CellNetwork {
  readonly subnet: Subnet;
  readonly #table: string;
  readonly #devicePrefix: string;
  readonly #logGroup: number;
  readonly #egress: EgressTable;
  readonly #policies: PolicyTable;
  readonly #namesOwnServer: boolean;
  #packets: PacketLog | undefined;
  readonly #reachableFrom: readonly string[];
  readonly #run: CommandRunner;

  constructor(options: CellNetworkOptions, run: CommandRunner = runCommand) {
    this.subnet = parseSubnet(options.subnet);
    this.#reachableFrom = options.reachableFrom;
    const { table, devicePrefix, logGroup } = names(options.cell);
    this.#table = table;
    this.#devicePrefix = devicePrefix;
    this.#logGroup = logGroup;
    this.#run = run;
    this.#egress = new EgressTable(run, table);
    this.#policies = new PolicyTable(run, table, options.subnet);
    this.#namesOwnServer = options.namesOwnServer ?? false;
  }

  /** Sets up what all containers share; fine when it is there. Those that are there keep within their rules all the time. */
  async open(containers: readonly Allowance[] = [], policies: GroupPolicies = NO_POLICIES): Promise<void> {
    try {
      if (this.#namesOwnServer) await this.#run('ip', ['addr', 'replace', ...this.#ownAddress], { phase: 'network' });
      await installFirewall(this.#run, {
        table: this.#table,
        devicePrefix: this.#devicePrefix,
        anyCellPrefix: ANY_CELL,
        subnet: this.subnet.cidr,
        reachableFrom: this.#reachableFrom,
        logGroup: this.#logGroup,
        egress: this.#egress.initial(containers),
        policies: this.#policies.initial(policies, containers),
        ...(this.#namesOwnServer ? { nameServer: this.subnet.gateway } : {}),
      });
      // An address that no container has leads nowhere, not off the machine by the default route.
      await this.#run('ip', ['route', 'replace', 'unreachable', this.subnet.cidr], { phase: 'network' });
      // After the rules: packets are passed on from the first moment under them.
      enableForwarding();
    } catch (error) {
      throw asGardenError(error, 'NETWORK_FAILED', 'network', "The cell's network could not be set up");
    }
  }

  /** The place of container number `index`. */
  place(index: number): ContainerNetwork {
    return { address: this.subnet.address(index), hostDevice: `${this.#devicePrefix}${index.toString(16)}` };
  }

  /**
   * What may be reached from an address from now on; undefined: everything that is not denied to all. Connections that
   * are open go on.
   */
  async allow(address: string, rules: readonly EgressRule[] | undefined): Promise<void> {
    try {
      await this.#egress.allow(address, rules);
    } catch (error) {
      throw asGardenError(error, 'NETWORK_FAILED', 'network', `The egress rules of ${address} could not be set`);
    }
  }

  /** From now on an address of this cell is one of a group's, whose policies hold for it. */
  async join(address: string, group: string | undefined): Promise<void> {
    try {
      await this.#policies.join(address, group);
    } catch (error) {
      throw asGardenError(error, 'NETWORK_FAILED', 'network', `The network policies of ${address} could not be set`);
    }
  }

  /** What containers of groups may reach of one another from now on. Open connections that are not among it end. */
  async applyPolicies(policies: GroupPolicies): Promise<void> {
    try {
      await this.#policies.update(policies);
    } catch (error) {
      throw asGardenError(error, 'NETWORK_FAILED', 'network', 'The network policies could not be set');
    }
  }

  get #ownAddress(): readonly string[] {
    return [`${this.subnet.gateway}/32`, 'dev', 'lo'];
  }

  /** Denies TCP ports elsewhere to all containers, whatever their rules say, and no longer those of the call before. */
  async deny(endpoints: readonly Endpoint[]): Promise<void> {
    const elements = [...new Set(endpoints.map(({ address, port }) => `${address} . ${port}`))];
    const lines = [`flush set inet ${this.#table} platform`];
    if (elements.length > 0) lines.push(`add element inet ${this.#table} platform { ${elements.join(', ')} }`);
    try {
      await this.#run('nft', ['-f', '-'], { input: `${lines.join('\n')}\n`, phase: 'network' });
    } catch (error) {
      throw asGardenError(error, 'NETWORK_FAILED', 'network', 'The ports of the platform could not be denied');
    }
  }

  /** Tells of connections that were refused, and of accepted ones whose rule says so; until `close`. */
  followPackets(listener: (news: PacketNews) => void): void {
    this.#packets ??= new PacketLog(this.#logGroup, listener);
  }

  close(): void {
    this.#packets?.close();
    this.#packets = undefined;
  }

  /** Connects the network namespace of a process; what an earlier container left at the place goes. */
  connect(place: ContainerNetwork, pid: number): void {
    try {
      // Others may have switched it off since, among them a cell that was torn down at a bad moment.
      enableForwarding();
      connectContainer({ ...place, gateway: this.subnet.gateway, mtu: uplinkMtu() }, pid);
    } catch (error) {
      throw asGardenError(
        error,
        'NETWORK_FAILED',
        'network',
        `The container could not be connected as ${place.address}`,
      );
    }
  }

  disconnect(hostDevice: string): void {
    try {
      disconnectContainer(hostDevice);
    } catch (error) {
      throw asGardenError(error, 'NETWORK_FAILED', 'delete', `The link ${hostDevice} could not be removed`);
    }
  }

  /** Host ends of this cell that exist. */
  devices(): readonly string[] {
    return readdirSync('/sys/class/net').filter((name) => name.startsWith(this.#devicePrefix));
  }

  /**
   * Removes the links and the rules of the cell. Forwarding is switched off again when a cell had switched it on and
   * none of the machine is left.
   */
  async teardown(): Promise<void> {
    try {
      for (const device of this.devices()) disconnectContainer(device);
      const subnet = ['type', 'unreachable', this.subnet.cidr];
      const route = await this.#run('ip', ['route', 'show', ...subnet], { phase: 'network' });
      if (route !== '') await this.#run('ip', ['route', 'del', ...subnet.slice(1)], { phase: 'network' });
      const own = await this.#run('ip', ['-o', 'addr', 'show', 'dev', 'lo', 'to', `${this.subnet.gateway}/32`], {
        phase: 'network',
      });
      if (own !== '') await this.#run('ip', ['addr', 'del', ...this.#ownAddress], { phase: 'network' });
      await removeFirewall(this.#run, this.#table);
      const tables = await this.#run('nft', ['list', 'tables', 'inet'], { phase: 'network' });
      if (!tables.includes(`table inet ${TABLE}_`)) restoreForwarding();
    } catch (error) {
      throw asGardenError(error, 'NETWORK_FAILED', 'teardown', "The cell's network could not be removed");
    }
  }
}
