import { type Bus, KvView } from '@slipway/bus';
import { buckets, type CellPresence, type Instance, keys, type NetworkRecord } from '@slipway/contracts';
import type { Garden, GroupPolicies } from '@slipway/garden';
import type { Logger } from '@slipway/service-kit';
import type { Config } from '../config.ts';
import { addressesOf, type HeldNetwork, holdNetwork, policiesOf, zoneOf } from '../domain/network.ts';
import { NameServer } from './names/name-server.ts';

/** A policy that could not be put in place is tried again. */
const RETRY_MS = 5_000;
/** What comes together is one change. */
const GATHER_MS = 20;

interface Views {
  readonly network: KvView<NetworkRecord>;
  readonly instances: KvView<Instance>;
  readonly cells: KvView<CellPresence>;
}

export interface BetweenContainersOptions {
  readonly cellId: string;
  readonly garden: Pick<Garden, 'applyPolicies'>;
  /** Undefined: containers ask the host's name servers. */
  readonly names: NameServer | undefined;
  readonly logger: Logger;
}

/** What containers of all cells reach of one another, and by which names: from NATS to the kernel and the name server. */
export class BetweenContainers {
  readonly #options: BetweenContainersOptions;
  /** Of other cells, also while they are away. */
  readonly #subnets = new Map<string, string>();
  #held: HeldNetwork = new Map();
  #views: Views | undefined;
  #timer: NodeJS.Timeout | undefined;
  #applying: Promise<void> = Promise.resolve();
  #applied = '';
  #told = '';
  #closed = false;

  constructor(options: BetweenContainersOptions) {
    this.#options = options;
  }

  /** Until then containers have the rights that they had, and ask the name server of the rep before. */
  async attach(bus: Bus): Promise<void> {
    const onChange = (): void => this.#soon(GATHER_MS);
    const [network, instances, cells] = await Promise.all([
      KvView.open(bus, buckets.networkPolicies, { onChange, trackDeleted: true }),
      KvView.open(bus, buckets.instances, { onChange }),
      KvView.open(bus, buckets.cells, { onChange: () => this.#noteSubnets() }),
    ]);
    this.#views = { network, instances, cells };
    this.#noteSubnets();
    await this.#refresh();
    const { names, logger } = this.#options;
    await names?.start().catch((error: unknown) => logger.error({ err: error }, 'names.not-answered'));
  }

  /** `keep`: containers go on, and need names. */
  async close(keep: boolean): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const view of Object.values(this.#views ?? {})) view.close();
    await this.#applying;
    if (keep) this.#options.names?.close();
    else await this.#options.names?.end();
  }

  #noteSubnets(): void {
    let changed = false;
    for (const { value } of this.#views?.cells.entries.values() ?? []) {
      const { cellId, subnet } = value;
      if (cellId === this.#options.cellId || subnet === undefined || this.#subnets.get(cellId) === subnet) continue;
      this.#subnets.set(cellId, subnet);
      changed = true;
    }
    if (changed) this.#soon(GATHER_MS);
  }

  #soon(ms: number): void {
    if (this.#closed) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#refresh();
    }, ms);
  }

  #refresh(): Promise<void> {
    this.#applying = this.#applying.then(() => this.#apply());
    return this.#applying;
  }

  async #apply(): Promise<void> {
    const views = this.#views;
    if (views === undefined) return;
    const { cellId, garden, names, logger } = this.#options;
    const { network } = views;
    const marker = network.entries.get(keys.networkDomain);
    const ttlMs = marker?.value.kind === 'freshness' ? marker.value.ttlMs : 0;
    const fresh = marker !== undefined && performance.now() - marker.receivedAt < ttlMs;
    const records = [...network.entries.values()].map(({ value }) => value);
    const complete = network.fresh && network.invalidKeys.size === 0 && fresh;
    this.#held = holdNetwork(
      this.#held,
      { records, complete, deleted: (key) => network.deleted.has(key) },
      keyOfRecord,
    );
    const instances = [...views.instances.entries.values()].map(({ value }) => value);
    const policies: GroupPolicies = {
      policies: policiesOf(this.#held),
      elsewhere: addressesOf(instances.filter((instance) => instance.cellId !== cellId)),
      subnets: [...this.#subnets.values()].toSorted(),
    };
    const zone = zoneOf(this.#held, instances);
    const told = JSON.stringify(zone);
    if (told !== this.#told) {
      names?.tell(zone);
      this.#told = told;
    }
    const text = JSON.stringify(policies);
    if (text === this.#applied) return;
    try {
      await garden.applyPolicies(policies);
      this.#applied = text;
    } catch (error) {
      // What held before still does.
      logger.error({ err: error }, 'network-policies.not-applied');
      this.#soon(RETRY_MS);
    }
  }
}

function keyOfRecord(record: NetworkRecord): string {
  switch (record.kind) {
    case 'policy':
      return keys.networkPolicy(record.source, record.destination);
    case 'internal-domain':
      return keys.internalDomain(record.name);
    case 'freshness':
      return keys.networkDomain;
  }
}

/** Of a cell, as its settings say. */
export function betweenContainers(config: Config, garden: Garden, logger: Logger): BetweenContainers {
  const names =
    config.CELL_NAME_SERVER === 'host'
      ? undefined
      : new NameServer({ address: garden.ownAddress, runDir: garden.runDir, logger });
  return new BetweenContainers({ cellId: config.CELL_ID, garden, names, logger });
}

/** Where a cell and its containers are. */
export function placeOf({
  CELL_ADDRESS,
  CELL_SUBNET,
  CELL_ZONE,
}: Config): Pick<CellPresence, 'address' | 'subnet' | 'zone'> {
  return { address: CELL_ADDRESS, subnet: CELL_SUBNET, zone: CELL_ZONE };
}
