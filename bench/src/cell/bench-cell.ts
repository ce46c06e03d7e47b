import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Bus, KvStore, KvView } from '@slipway/bus';
import {
  buckets,
  type DesiredLrp,
  type DomainFreshness,
  type Instance,
  keys,
  type Lease,
  type PlacementRecord,
} from '@slipway/contracts';
import { generateSealingKeys } from '@slipway/service-kit';
import { type NatsHandle, startNats } from '@slipway/testing';
import { endService, type RunningService, startService } from '../service-process.ts';

/** As the supervisor starts services (infra/src/platform/processes.ts). */
const MALLOC = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '1048576', MALLOC_TRIM_THRESHOLD_: '1048576' };
const CELL_FLAGS = ['--max-semi-space-size=4'];
const MARKER_TTL_MS = 3_600_000;
const CLEAN = fileURLToPath(new URL('../../../services/cell-rep/src/clean.ts', import.meta.url));

/** A cell and a router as on a platform, with this process in the place of scheduler and cloud-controller. */
export class BenchCell {
  readonly #id = `bench-${process.pid}`;
  readonly #closers: (() => Promise<unknown>)[] = [];
  readonly #states = new Map<string, Set<() => void>>();
  #dataDir = '';
  #rep!: RunningService;
  #router!: RunningService;
  #desired!: KvStore<DesiredLrp | DomainFreshness>;
  #placements!: KvStore<PlacementRecord>;
  #leases!: KvStore<Lease>;
  #instances!: KvView<Instance>;

  private constructor() {}

  static async start(): Promise<BenchCell> {
    const cell = new BenchCell();
    try {
      await cell.#start();
      return cell;
    } catch (error) {
      await cell.stop();
      throw error;
    }
  }

  get repPid(): number {
    return this.#rep.child.pid as number;
  }

  get routerPid(): number {
    return this.#router.child.pid as number;
  }

  /** Named in the arguments of all that the cell runs. */
  get dataDir(): string {
    return this.#dataDir;
  }

  /** Where apps answer. */
  get routerPort(): number {
    return this.#router.port;
  }

  /** What the cell says of itself, in Prometheus's text. */
  async metrics(): Promise<string> {
    return await (await fetch(`http://127.0.0.1:${this.#rep.healthPort}/metrics`)).text();
  }

  /** As cloud-controller. */
  async desire(lrp: DesiredLrp): Promise<void> {
    await this.#desired.put(keys.desiredLrp(lrp.processGuid), lrp);
  }

  /** As scheduler. Resolves when NATS has it; the cell may have begun by then. */
  async place(lrp: DesiredLrp, index: number, instanceGuid: string): Promise<void> {
    await this.#placements.put(keys.placed(this.#id, instanceGuid), {
      v: 1,
      kind: 'placed',
      processGuid: lrp.processGuid,
      index,
      instanceGuid,
      cellId: this.#id,
      crashCount: 0,
      placedAt: new Date().toISOString(),
      memoryMb: lrp.resources.memoryMb,
      diskMb: lrp.resources.diskMb,
    });
  }

  /** As scheduler. Resolves when nothing of the instance is left. */
  async remove(instanceGuid: string): Promise<void> {
    await this.#placements.delete(keys.placed(this.#id, instanceGuid));
    await this.#until(instanceGuid, (instance) => instance === undefined);
  }

  /** Rejects when the instance crashes instead. */
  async untilRunning(instanceGuid: string): Promise<Instance> {
    await this.#until(instanceGuid, (instance) => {
      if (instance?.state === 'CRASHED') throw new Error(`an instance crashed: ${instance.crash?.reason}`);
      return instance?.state === 'RUNNING';
    });
    return this.#instances.get(keys.instance(this.#id, instanceGuid)) as Instance;
  }

  async stop(): Promise<void> {
    for (const close of this.#closers.reverse()) await close();
    this.#closers.length = 0;
  }

  async #start(): Promise<void> {
    const directory = await mkdtemp(join(tmpdir(), 'slipway-bench-cell-'));
    this.#closers.push(() => rm(directory, { recursive: true, force: true }));
    const nats = await startNats({ cellIds: [this.#id] });
    this.#closers.push(() => nats.stop());
    await this.#join(await nats.connectOperator());
    const sealing = generateSealingKeys();
    this.#dataDir = join(directory, 'cell');
    const place = {
      CELL_ID: this.#id,
      CELL_DATA_DIR: this.#dataDir,
      CELL_SUBNET: `10.${150 + (process.pid % 50)}.${(process.pid % 62) << 2}.0/22`,
      CELL_UID_BASE: String(1_900_000_000),
    };
    const env = {
      ...place,
      ...MALLOC,
      PATH: process.env.PATH ?? '',
      NODE_COMPILE_CACHE: join(directory, 'compile-cache'),
    };
    this.#closers.push(async () => {
      const cleaner = fork(CLEAN, { env, silent: true });
      const [status] = await once(cleaner, 'exit');
      if (status !== 0) throw new Error(`the cell could not be cleaned away (${status})`);
    });
    this.#rep = await startService(
      'cell-rep',
      {
        ...env,
        ...account(nats, `cell-rep-${this.#id}`),
        CELL_PUBLIC_KEY: sealing.publicKey,
        CELL_PRIVATE_KEY: sealing.privateKey,
        // What is placed here need not fit a small machine: nothing of it uses what it may use.
        CELL_MEMORY_MB: '65536',
        CELL_DISK_MB: '65536',
        CELL_PEER_PORT: 'off',
        CELL_ON_STOP: 'destroy',
      },
      CELL_FLAGS,
    );
    this.#closers.push(() => endService(this.#rep.child));
    this.#router = await startService('router', { ...env, ...account(nats, 'router'), ACCESS_LOG: 'false' });
    this.#closers.push(() => endService(this.#router.child));
  }

  async #join(bus: Bus): Promise<void> {
    this.#closers.push(() => bus.close());
    this.#desired = await KvStore.open<DesiredLrp | DomainFreshness>(bus, buckets.desiredLrps);
    this.#placements = await KvStore.open<PlacementRecord>(bus, buckets.placements);
    this.#leases = await KvStore.open<Lease>(bus, buckets.leases);
    this.#instances = await KvView.open(bus, buckets.instances, {
      onChange: (change) => {
        const guid = change?.key.split('.').at(-1);
        for (const look of (guid && this.#states.get(guid)) || []) look();
      },
    });
    this.#closers.push(async () => this.#instances.close());
    const now = new Date().toISOString();
    await this.#leases.put(keys.schedulerLease, { v: 1, holder: 'bench', epoch: 1, renewedAt: now });
    const marker = { v: 1, domain: 'cf-apps', refreshedAt: now, ttlMs: MARKER_TTL_MS, lrpCount: 0 } as const;
    await this.#desired.put(keys.domain('cf-apps'), marker);
  }

  async #until(instanceGuid: string, reached: (instance: Instance | undefined) => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      try {
        if (reached(this.#instances.get(keys.instance(this.#id, instanceGuid)))) resolve();
      } catch (error) {
        reject(error);
      }
    };
    const looks = this.#states.get(instanceGuid) ?? new Set();
    this.#states.set(instanceGuid, looks.add(look));
    look();
    try {
      await promise;
    } finally {
      looks.delete(look);
      if (looks.size === 0) this.#states.delete(instanceGuid);
    }
  }
}

function account(nats: NatsHandle, user: string): Record<string, string> {
  return { NATS_URL: nats.url, NATS_USER: user, NATS_PASSWORD: nats.password(user) };
}
