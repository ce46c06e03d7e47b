import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bus, connectService, KvStore, KvView } from '@slipway/bus';
import {
  buckets,
  busAccess,
  type CellDisk,
  type CellPresence,
  type DesiredLrp,
  type DesiredTask,
  type DomainFreshness,
  type ImagesFreshness,
  type Instance,
  type InstanceMetrics,
  instanceMetrics,
  keys,
  type Lease,
  type LogEnvelope,
  logEnvelope,
  type Placement,
  type PlacementRecord,
  parseMessage,
  type RouterRegister,
  type ServiceName,
  type TaskRecord,
  type TaskState,
  type WantedImage,
} from '@slipway/contracts';
import { createLogger, generateSealingKeys, type SealingKeys, Secret } from '@slipway/service-kit';
import {
  type LrpChanges,
  lrpOfImage,
  type NatsHandle,
  type PushOptions,
  pushImage,
  type RegistryOptions,
  type RegistryProcess,
  sampleImage,
  startNats,
  startRegistry,
} from '@slipway/testing';
import { expect } from 'vitest';
import { type Environment, type RepProcess, runClean, startRep, untilReady } from './rep-process.test-support.ts';

const SILENT = createLogger('test', 'silent');

export interface Heard {
  readonly subject: string;
  readonly route: RouterRegister;
}

interface Around {
  readonly nats: NatsHandle;
  readonly registry: RegistryProcess;
  readonly sealing: SealingKeys;
}

/** A cell with all that is around it: a real NATS, a real registry, and whoever else speaks on the bus. */
export class TestCell {
  readonly id: string;
  readonly nats: NatsHandle;
  readonly registry: RegistryProcess;
  readonly sealing: SealingKeys;
  readonly dataDir: string;
  readonly subnet: string;
  /** What routers heard, what log-cache would read, and what cloud-controller is told of usage; oldest first. */
  readonly heard: Heard[] = [];
  readonly logs: LogEnvelope[] = [];
  /** Routes and log lines in the order in which they came, as text. */
  readonly order: string[] = [];
  readonly metrics: InstanceMetrics[] = [];
  readonly #ordinal: number;
  readonly #env: Environment;
  readonly #buses: Bus[] = [];
  readonly #reps: RepProcess[] = [];
  #desired!: KvStore<DesiredLrp | DomainFreshness>;
  #placements!: KvStore<PlacementRecord>;
  #leases!: KvStore<Lease>;
  #instances!: KvView<Instance>;
  #cells!: KvView<CellPresence>;
  #disks!: KvView<CellDisk>;
  #wanted!: KvStore<WantedImage | ImagesFreshness>;
  #tasks!: KvStore<TaskRecord>;
  #taskStates!: KvView<TaskRecord>;

  private constructor(id: string, around: Around, dataDir: string, ordinal: number) {
    this.id = id;
    this.nats = around.nats;
    this.registry = around.registry;
    this.sealing = around.sealing;
    this.dataDir = dataDir;
    this.#ordinal = ordinal;
    this.subnet = subnetOfThisProcess(ordinal);
    this.#env = {
      PATH: process.env.PATH ?? '',
      HEALTH_PORT: '0',
      CELL_ID: id,
      CELL_PUBLIC_KEY: this.sealing.publicKey,
      CELL_PRIVATE_KEY: this.sealing.privateKey,
      CELL_DATA_DIR: join(dataDir, 'cell'),
      CELL_SUBNET: this.subnet,
      CELL_UID_BASE: String(1_500_000_000 + ordinal * 100_000_000),
      CELL_MEMORY_MB: '4096',
      CELL_DISK_MB: '4096',
    };
  }

  static async create(registryOptions: RegistryOptions = {}): Promise<TestCell> {
    const [cell] = await TestCell.createSeveral(1, registryOptions);
    return cell as TestCell;
  }

  /** Cells of one platform. The first has NATS and the registry, so it is disposed of last. */
  static async createSeveral(count: number, registryOptions: RegistryOptions = {}): Promise<readonly TestCell[]> {
    const ids = Array.from({ length: count }, () => `t${process.pid}-${randomUUID().slice(0, 4)}`);
    const nats = await startNats({ cellIds: ids });
    const around = { nats, registry: await startRegistry(registryOptions), sealing: generateSealingKeys() };
    const cells: TestCell[] = [];
    for (const [ordinal, id] of ids.entries()) {
      const cell = new TestCell(id, around, await mkdtemp(join(tmpdir(), 'slipway-cell-')), ordinal);
      await cell.#join();
      cells.push(cell);
    }
    return cells;
  }

  /** Starts a rep, by default until it is ready. */
  async startRep({ ready = true, env = {} }: { ready?: boolean; env?: Environment } = {}): Promise<RepProcess> {
    const user = `cell-rep-${this.id}`;
    const { url, password } = { url: this.nats.url, password: this.nats.password(user) };
    const bus = { NATS_URL: url, NATS_USER: user, NATS_PASSWORD: password };
    const rep = await startRep({ ...this.#env, ...bus, ...env });
    this.#reps.push(rep);
    if (ready) await untilReady(rep);
    return rep;
  }

  /** Runs clean.ts with the cell's environment, which has nothing of NATS. */
  clean(): Promise<number> {
    return runClean(this.#env);
  }

  async dispose(): Promise<void> {
    for (const rep of this.#reps) {
      rep.signal('SIGKILL');
      await rep.exited;
    }
    const cleaned = await this.clean();
    this.#instances.close();
    this.#cells.close();
    this.#disks.close();
    this.#taskStates.close();
    for (const bus of this.#buses) await bus.close();
    if (this.#ordinal === 0) {
      await this.registry.stop();
      await this.nats.stop();
    }
    await rm(this.dataDir, { recursive: true, force: true });
    expect(cleaned).toBe(0);
  }

  /** Pushes the sample image and gives the LRP that its staging would lead to. */
  async lrp(changes: LrpChanges = {}, push: PushOptions = {}, version?: string): Promise<DesiredLrp> {
    const image = await sampleImage(version);
    const repository = `app-${image.manifest.digest.slice(7, 19)}`;
    await pushImage(this.registry, repository, 'latest', image, push);
    return lrpOfImage(image, { registry: this.registry.address, repository }, changes);
  }

  /** As cloud-controller. */
  async desire(lrp: DesiredLrp): Promise<void> {
    await this.#desired.put(keys.desiredLrp(lrp.processGuid), lrp);
  }

  /** As cloud-controller, saying that the bucket holds all that is desired. */
  async freshen(lrpCount: number): Promise<void> {
    const refreshedAt = new Date().toISOString();
    await this.#desired.put(keys.domain('cf-apps'), { v: 1, domain: 'cf-apps', refreshedAt, ttlMs: 120_000, lrpCount });
  }

  /** As cloud-controller: the images of these LRPs, and no others, are to be kept. */
  async want(lrps: readonly Pick<DesiredLrp, 'app' | 'image' | 'placementTags'>[]): Promise<void> {
    for (const { app, image, placementTags } of lrps) {
      const { guid, name, spaceGuid, organizationGuid } = app;
      const at = { guid, name, spaceGuid, organizationGuid };
      const record = { v: 1, dropletGuid: guid, app: at, current: true, image, placementTags } as const;
      await this.#wanted.put(keys.wantedImage(guid), record);
    }
    const refreshedAt = new Date().toISOString();
    const marker = { v: 1, domain: 'cf-images', refreshedAt, ttlMs: 120_000, imageCount: lrps.length } as const;
    await this.#wanted.put(keys.imagesDomain, marker);
  }

  /** As a scheduler that leads. */
  async lead(): Promise<void> {
    await this.#leases.put(keys.schedulerLease, {
      v: 1,
      holder: 'test',
      epoch: 1,
      renewedAt: new Date().toISOString(),
    });
  }

  /** As scheduler. */
  async place(lrp: DesiredLrp, index = 0, instanceGuid: string = randomUUID()): Promise<Placement> {
    const placement: Placement = {
      v: 1,
      kind: 'placed',
      processGuid: lrp.processGuid,
      index,
      instanceGuid,
      cellId: this.id,
      crashCount: 0,
      placedAt: new Date().toISOString(),
      memoryMb: lrp.resources.memoryMb,
      diskMb: lrp.resources.diskMb,
    };
    await this.#placements.put(keys.placed(this.id, instanceGuid), placement);
    return placement;
  }

  /** As scheduler. */
  async unplace(instanceGuid: string): Promise<void> {
    await this.#placements.delete(keys.placed(this.id, instanceGuid));
  }

  /** Desired, placed, and RUNNING. */
  async run(lrp: DesiredLrp, index = 0): Promise<Instance> {
    await this.desire(lrp);
    const { instanceGuid } = await this.place(lrp, index);
    return await this.untilState(instanceGuid, 'RUNNING');
  }

  /** A task of the sample image, given to this cell. */
  async task(script: string, { action, resources }: LrpChanges = {}): Promise<DesiredTask> {
    const lrp = await this.lrp({
      action: { workdir: '/', ...action },
      ...(resources === undefined ? {} : { resources }),
    });
    const taskGuid = randomUUID();
    return {
      v: 1,
      kind: 'desired',
      taskGuid,
      name: 'migrate',
      createdAt: new Date().toISOString(),
      app: lrp.app,
      image: lrp.image,
      action: {
        ...lrp.action,
        argv: action?.argv ?? ['/bin/sh', '-c', script],
        // By which a test finds its processes.
        environment: { ...lrp.action.environment, TEST_TASK: taskGuid },
      },
      resources: lrp.resources,
      placementTags: [],
      log: { sourceId: lrp.app.guid, sourceType: 'APP/TASK/migrate' },
      metricTags: lrp.metricTags,
      cellId: this.id,
      cancel: false,
    };
  }

  /** As cloud-controller. */
  async desireTask(task: DesiredTask): Promise<void> {
    await this.#tasks.put(keys.desiredTask(task.taskGuid), task);
  }

  /** As cloud-controller, which has taken its result. */
  async undesireTask({ taskGuid }: DesiredTask): Promise<void> {
    await this.#tasks.delete(keys.desiredTask(taskGuid));
  }

  taskState({ taskGuid }: DesiredTask): TaskState | undefined {
    const record = this.#taskStates.get(keys.taskState(this.id, taskGuid));
    return record?.kind === 'state' ? record : undefined;
  }

  /** As the server has it now. */
  async storedTaskState({ taskGuid }: DesiredTask): Promise<TaskRecord | undefined> {
    return (await this.#tasks.get(keys.taskState(this.id, taskGuid)))?.value;
  }

  async untilTask(task: DesiredTask, state: TaskState['state'] | undefined): Promise<TaskState | undefined> {
    await expect.poll(() => this.taskState(task)?.state, { timeout: 45_000 }).toBe(state);
    return this.taskState(task);
  }

  /** What the cell said last of its disk. */
  disk(): CellDisk | undefined {
    return this.#disks.get(this.id);
  }

  record(instanceGuid: string): Instance | undefined {
    return this.#instances.get(keys.instance(this.id, instanceGuid));
  }

  /** Of all instances of this cell. */
  records(): Instance[] {
    return [...this.#instances.entries.values()].flatMap(({ value }) => (value.cellId === this.id ? [value] : []));
  }

  get presence(): CellPresence | undefined {
    return this.#cells.get(this.id);
  }

  async untilState(instanceGuid: string, state: Instance['state']): Promise<Instance> {
    await expect.poll(() => this.record(instanceGuid)?.state, { timeout: 45_000 }).toBe(state);
    return this.record(instanceGuid) as Instance;
  }

  async untilGone(instanceGuid: string): Promise<void> {
    await expect.poll(() => this.record(instanceGuid), { timeout: 45_000 }).toBeUndefined();
  }

  /** Log lines of an app, as `SOURCE: text`. */
  linesOf(lrp: Pick<DesiredLrp, 'app'>): string[] {
    return this.logs
      .filter(({ sourceId }) => sourceId === lrp.app.guid)
      .map(({ sourceType, payload }) => `${sourceType}: ${Buffer.from(payload, 'base64').toString()}`);
  }

  /** What was said of an instance's routes, as `register uri`. */
  routesOf(instanceGuid: string): string[] {
    return this.heard
      .filter(({ route }) => route.private_instance_id === instanceGuid)
      .map(({ subject, route }) => `${subject.replace('router.', '')} ${route.uris.join(' ')}`);
  }

  async #join(): Promise<void> {
    const controller = await this.#connect('cloud-controller');
    const scheduler = await this.#connect('scheduler');
    this.#desired = await KvStore.open<DesiredLrp | DomainFreshness>(controller, buckets.desiredLrps);
    this.#placements = await KvStore.open<PlacementRecord>(scheduler, buckets.placements);
    this.#leases = await KvStore.open(scheduler, buckets.leases);
    this.#instances = await KvView.open(controller, buckets.instances);
    this.#cells = await KvView.open(scheduler, buckets.cells);
    this.#disks = await KvView.open(controller, buckets.cellDisks);
    this.#wanted = await KvStore.open<WantedImage | ImagesFreshness>(controller, buckets.wantedImages);
    this.#tasks = await KvStore.open(controller, buckets.tasks);
    this.#taskStates = await KvView.open(controller, buckets.tasks, { filter: keys.taskStatesOf(this.id) });
    const { nc } = await this.#connectAsOperator();
    const listen = (subject: string, take: (message: unknown) => void): void => {
      nc.subscribe(subject, {
        callback: (_, message) => {
          take(message.json());
        },
      });
    };
    for (const subject of ['router.register', 'router.unregister']) {
      listen(subject, (message) => {
        const route = message as RouterRegister;
        this.heard.push({ subject, route });
        this.order.push(`${subject} ${route.private_instance_id}`);
      });
    }
    listen(logEnvelope.subject, (message) => {
      const { data } = parseMessage(logEnvelope, message);
      this.logs.push(data);
      this.order.push(Buffer.from(data.payload, 'base64').toString());
    });
    listen(instanceMetrics.subject, (message) => this.metrics.push(parseMessage(instanceMetrics, message).data));
    await nc.flush();
  }

  async #connect(service: ServiceName): Promise<Bus> {
    const config = {
      NATS_URL: this.nats.url,
      NATS_USER: service,
      NATS_PASSWORD: new Secret(this.nats.password(service)),
    };
    const bus = await connectService(busAccess(service), { config, source: service, logger: SILENT });
    this.#buses.push(bus);
    return bus;
  }

  async #connectAsOperator(): Promise<Bus> {
    const bus = await this.nats.connectOperator();
    this.#buses.push(bus);
    return bus;
  }
}

/** Test files run side by side, each in a process of its own, with a few cells. */
function subnetOfThisProcess(ordinal: number): string {
  return `10.${200 - ordinal * 50 + (process.pid % 50)}.${Math.floor(process.pid / 50) % 256}.0/24`;
}
