import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { type Bus, connectService, emitMessage, KvStore } from '@slipway/bus';
import {
  buckets,
  busAccess,
  type CellDisk,
  type CellPresence,
  type Instance,
  instanceMetrics,
  keys,
  type TaskState,
} from '@slipway/contracts';
import type { Garden, GardenOptions } from '@slipway/garden';
import { followRegistrySettings, hostPlatform, RegistryClient, registryClientOptions } from '@slipway/oci';
import { type App, type HealthServer, type Logger, startHealthServer } from '@slipway/service-kit';
import { type BetweenContainers, betweenContainers, placeOf } from './adapters/between-containers.ts';
import { CellEgress } from './adapters/cell-egress.ts';
import { startDiskReport } from './adapters/disk-report.ts';
import { GardenContainers, openGarden } from './adapters/garden.ts';
import { probeHealth } from './adapters/health-probe.ts';
import { ImageSource } from './adapters/image-source.ts';
import { imageStore } from './adapters/image-store.ts';
import { Knowledge } from './adapters/knowledge.ts';
import { flushBus, lastWrites } from './adapters/last-words.ts';
import { LogSink } from './adapters/log-sink.ts';
import { diskProblem, readMachine } from './adapters/machine.ts';
import { cellPeers } from './adapters/peers/cell-peers.ts';
import { type PresenceBeat, startPresence } from './adapters/presence.ts';
import { RecordWriter } from './adapters/record-writer.ts';
import { RouteTable } from './adapters/route-table.ts';
import { cellSessions, type SessionServer } from './adapters/sessions/session-server.ts';
import { TaskViews } from './adapters/task-knowledge.ts';
import { TaskLedger } from './adapters/task-ledger.ts';
import { WantedKnowledge } from './adapters/wanted-knowledge.ts';
import type { Config } from './config.ts';
import { containerDeadlines, stepTimeouts } from './deadlines.ts';
import { cellCapacity } from './domain/capacity.ts';
import { diskRecord, wantedRecord } from './domain/disk-record.ts';
import { CellCondition } from './executor/cell-condition.ts';
import { drainCell } from './executor/drain.ts';
import { Executor } from './executor/executor.ts';
import { ImageKeeper } from './executor/image-keeper.ts';
import type { InstanceDeps } from './executor/instance-deps.ts';
import { Reconciler } from './executor/reconciler.ts';
import { Semaphore } from './executor/semaphore.ts';
import { TaskExecutor } from './executor/task-executor.ts';
import { TaskReconciler } from './executor/task-reconciler.ts';
import { UsageSampler } from './executor/usage-sampler.ts';
import { createCellMetrics } from './metrics.ts';
import { cellReadiness } from './readiness.ts';
import { storeOptions } from './store-config.ts';
import { addStoreMetrics } from './store-metrics.ts';

// Diego creates 32 at once on machines of many cores; runc and the kernel's namespaces gain little beyond this.
const CONCURRENT_CREATES = 8;
// A router has the message a moment after NATS does, and what it sent just before is to be answered: many an image
// closes its connections at the stop signal.
const ROUTERS_LAG_MS = 200;

export interface CellApp extends App {
  /** Known once started. */
  readonly healthPort: number | undefined;
}

export interface CellDeps {
  readonly logger: Logger;
  /** Each step of a container, as it begins. */
  readonly onContainerStep?: NonNullable<GardenOptions['onStep']>;
}

/** Puts the cell rep together. Apps first: what runs is taken over before NATS is even asked for. */
export function createApp(config: Config, { logger, onContainerStep }: CellDeps): CellApp {
  const cellId = config.CELL_ID;
  const epoch = randomUUID();
  const startedAt = new Date().toISOString();
  const registries = new RegistryClient(registryClientOptions(config, logger));
  const peers = cellPeers(config, (direction, bytes) => metrics.onPeerBytes(direction, bytes), logger);
  const images = new ImageSource({
    keys: { publicKey: config.CELL_PUBLIC_KEY, privateKey: config.CELL_PRIVATE_KEY.reveal() },
    client: registries,
    ...(peers === undefined ? {} : { peers: peers.layers }),
  });
  const logs = new LogSink({ linesPerSecond: config.CELL_LOG_LINES_PER_SECOND });
  const routes = new RouteTable();
  const records = new RecordWriter<Instance>(
    { guidOf: ({ instanceGuid }) => instanceGuid, keyOf: (guid) => keys.instance(cellId, guid) },
    logger,
  );
  const taskRecords = new RecordWriter<TaskState>(
    { guidOf: ({ taskGuid }) => taskGuid, keyOf: (guid) => keys.taskState(cellId, guid) },
    logger,
  );
  const knowledge = new Knowledge(cellId, () => reconciler?.trigger());
  const taskViews = new TaskViews(cellId, () => taskReconciler?.trigger());
  const wantedImages = new WantedKnowledge(() => keeper?.trigger());
  const metrics = createCellMetrics(() => ({
    local: executor?.local ?? new Map(),
    tasks: tasks?.local ?? new Map(),
    routes: routes.size,
    unplaced: reconciler?.unplaced ?? 0,
    images: keeper?.status() ?? [],
    presence: capacity === undefined ? undefined : presence(),
  }));
  addStoreMetrics(metrics.registry, () =>
    garden === undefined ? undefined : { ledger: garden.layers.ledger(), collections: garden.layers.collections },
  );
  let garden: Garden | undefined;
  let sessions: SessionServer | undefined;
  let egress: CellEgress | undefined;
  let between: BetweenContainers | undefined;
  let condition: CellCondition | undefined;
  let executor: Executor | undefined;
  let reconciler: Reconciler | undefined;
  let ledger: TaskLedger | undefined;
  let tasks: TaskExecutor | undefined;
  let taskReconciler: TaskReconciler | undefined;
  let usage: UsageSampler | undefined;
  let keeper: ImageKeeper | undefined;
  let capacity: CellPresence['capacity'] | undefined;
  let bus: Bus | undefined;
  let beat: PresenceBeat | undefined;
  let stopDiskReport: (() => void) | undefined;
  let health: HealthServer | undefined;
  let registrySettings: Awaited<ReturnType<typeof followRegistrySettings>> | undefined;
  let stopping: Promise<void> | undefined;
  let ending: Promise<void> | undefined;
  let evacuating = false;
  let starting: Promise<void> | undefined;
  /** Its part without NATS. */
  let cell: Promise<void> | undefined;

  const presence = (): CellPresence => ({
    v: 1,
    cellId,
    epoch,
    startedAt,
    renewedAt: new Date().toISOString(),
    ...placeOf(config),
    ...(peers?.port === undefined ? {} : { peerPort: peers.port }),
    ...(sessions?.port === undefined ? {} : { sshPort: sessions.port }),
    platform: { os: hostPlatform().os, architecture: hostPlatform().architecture },
    capacity: capacity ?? { memoryMb: 0, diskMb: 0, containers: 0 },
    ...(garden === undefined ? {} : { isolation: garden.isolation }),
    placementTags: config.CELL_PLACEMENT_TAGS,
    optionalPlacementTags: [],
    evacuating,
    healthy: condition?.reason === undefined,
    ...(condition?.reason === undefined ? {} : { unhealthyReason: condition.reason }),
    starting:
      [...(executor?.local.values() ?? [])].filter(({ record }) => record.state === 'CLAIMED').length +
      [...(tasks?.local.values() ?? [])].filter(({ state }) => state.state === 'CLAIMED').length,
  });
  const readiness = cellReadiness(() => ({
    opened: garden !== undefined,
    connected: bus?.connected === true,
    attached: knowledge.attached,
    evacuating,
    reason: condition?.reason,
  }));

  /** Without NATS: containers are opened, and what runs is taken over and watched again. */
  const startCell = async (): Promise<void> => {
    garden = await openGarden(config, logger, {
      layers: storeOptions(config),
      deadlines: containerDeadlines(config),
      ...(onContainerStep === undefined ? {} : { onStep: onContainerStep }),
    });
    logger.info(garden.isolation, 'cell.isolation');
    const { diskLimits } = garden;
    logger[diskLimits.kind === 'none' ? 'warn' : 'info'](diskLimits, 'disks.limited-by');
    egress = await CellEgress.open({
      garden,
      natsUrl: config.NATS_URL,
      tell: (guid, what) => {
        executor?.runners.get(guid)?.tell(what);
        tasks?.tell(guid, what);
      },
      logger,
    });
    await peers?.listen(garden.layers);
    between = betweenContainers(config, garden, logger);
    sessions = cellSessions(config, garden, logger);
    await sessions?.listen();
    const containers = new GardenContainers(garden, images, logger, config.CELL_VOLUMES);
    condition = new CellCondition({
      check: () => diskProblem(config.CELL_DATA_DIR),
      probe: async (signal) => await garden?.probe(signal),
      intervalMs: config.CELL_CHECK_INTERVAL_MS,
      onChange: () => beat?.beat(),
      logger,
    });
    const deps: InstanceDeps = {
      cellId,
      zone: config.CELL_ZONE,
      containers,
      probe: probeHealth,
      logger,
      creating: new Semaphore(CONCURRENT_CREATES),
      timeouts: stepTimeouts(config),
      emitLog: (line) => logs.emit(line),
      logRoom: (instance) => logs.room(instance),
      logLimits: {
        bytesPerSecond: config.LOG_RATE_BYTES_PER_SECOND,
        linesPerSecond: config.LOG_RATE_LINES_PER_SECOND,
      },
      setRoutes: (guid, messages) => routes.set(guid, messages),
      flushRoutes: async () => {
        if (bus?.connected !== true) return;
        await flushBus(bus, logger);
        await delay(ROUTERS_LAG_MS);
      },
      records,
      onStep: (step, ms) => {
        metrics.onStep(step, ms);
        condition?.succeeded(step);
        if (step === 'healthy') usage?.soon();
      },
      onStepFailed: (step, error) => {
        metrics.onStepFailed(step, error);
        condition?.failed(step, error);
      },
      onChange: () => reconciler?.trigger(),
    };
    executor = new Executor(deps);
    ledger = TaskLedger.open(config.CELL_DATA_DIR, cellId, logger);
    tasks = new TaskExecutor({
      instances: { ...deps, onChange: () => taskReconciler?.trigger() },
      ledger,
      records: taskRecords,
    });
    keeper = new ImageKeeper({
      cellId,
      dropletRegistry: config.DROPLET_REGISTRY?.registry,
      read: (now) => wantedImages.read(now),
      store: imageStore(garden, images),
      timeoutMs: config.PULL_TIMEOUT_MS,
      logger,
      emitLog: deps.emitLog,
      onPrefetched: metrics.onPrefetched,
    });
    await tasks.adopt();
    await executor.adopt();
    await condition.start();
    const used = garden.containers().reduce((sum, container) => sum + (container.stats()?.diskBytes ?? 0), 0);
    capacity = cellCapacity(
      {
        memoryMb: config.CELL_MEMORY_MB,
        diskMb: config.CELL_DISK_MB,
        // No more than there are addresses for.
        containers: Math.min(config.CELL_CONTAINERS, garden.capacity),
      },
      // Layers that nobody needs make room for instances.
      await readMachine(config.CELL_DATA_DIR, used + garden.layers.ledger().layers.reclaimableBytes),
    );
  };

  /** Records first: a scheduler that lost everything learns what runs before it is told that there is room. */
  const joinBus = async (connected: Bus, running: Executor): Promise<void> => {
    logs.attach(connected);
    records.attach(await KvStore.open(connected, buckets.instances), () => connected.ready);
    taskRecords.attach(await KvStore.open(connected, buckets.tasks), () => connected.ready);
    connected.onReset(() => {
      records.republish();
      taskRecords.republish();
    });
    routes.attach(connected);
    reconciler = new Reconciler({
      executor: running,
      read: (now) => knowledge.read(now),
      placementDeleted: (guid) => knowledge.placementDeleted(guid),
      logger,
    });
    const views = [knowledge, taskViews, peers, egress, between];
    await Promise.all(views.map(async (each) => await each?.attach(connected)));
    if (stopping !== undefined) return;
    reconciler.start();
    if (tasks !== undefined && ledger !== undefined) {
      const read = (now: number): ReturnType<TaskViews['read']> => taskViews.read(now);
      taskReconciler = new TaskReconciler({ cellId, executor: tasks, read, ledger });
      taskReconciler.start();
    }
    beat = await startPresence(connected, presence, logger);
    usage = new UsageSampler({
      cellId,
      cell: () => ({ cores: availableParallelism(), memoryMb: capacity?.memoryMb ?? 0 }),
      runners: () => running.runners,
      publish: (data) => {
        if (connected.connected) emitMessage(connected, instanceMetrics, data);
      },
      logger,
    });
    usage.start();
    if (garden !== undefined) {
      const { layers, diskLimits } = garden;
      const record = (): CellDisk => ({
        ...diskRecord(cellId, new Date(), layers.ledger(), layers.collections),
        limitedBy: diskLimits,
        ...(keeper?.informed === true ? { wanted: wantedRecord(keeper.status()) } : {}),
      });
      stopDiskReport = await startDiskReport(connected, record, logger);
      if (stopping !== undefined) stopDiskReport();
    }
    await wantedImages.attach(connected);
    if (stopping === undefined) keeper?.start();
  };

  const start = async (): Promise<void> => {
    health = await startHealthServer(config.HEALTH_PORT, { ...readiness, metrics: metrics.registry });
    logger.info({ port: health.port }, 'health.listening');
    cell = startCell();
    const [settings] = await Promise.all([
      followRegistrySettings({
        file: config.REGISTRIES_FILE,
        client: registries,
        logger,
        metrics: metrics.registry,
      }),
      cell,
    ]);
    registrySettings = settings;
    if (stopping !== undefined || executor === undefined) return;
    bus = await connectService(busAccess('cell-rep', cellId), { config, source: `cell-rep/${cellId}`, logger });
    if (stopping !== undefined) return;
    await joinBus(bus, executor);
  };

  /** A rep that failed knows too little to move or remove anything: what runs is left to the next. */
  const end = async (why: 'told' | 'failed'): Promise<void> => {
    const onStop = why === 'failed' ? 'keep' : config.CELL_ON_STOP;
    if (onStop === 'drain') {
      await drainCell({
        timeoutMs: config.CELL_DRAIN_TIMEOUT_MS,
        instances: () => executor?.local ?? new Map(),
        tasks: () => tasks?.local ?? new Map(),
        tell: (guid, what) => executor?.runners.get(guid)?.tell(what),
        onBegin: () => {
          evacuating = true;
          beat?.beat();
        },
        logger,
      });
    }
    stopping = stop(onStop);
    await stopping;
  };
  const stop = async (onStop: Config['CELL_ON_STOP']): Promise<void> => {
    // Whoever started it hears of its failure; here it only must not be half done.
    await cell?.catch(() => undefined);
    reconciler?.stop();
    taskReconciler?.stop();
    if (onStop !== 'keep') {
      await Promise.all([executor?.destroy(), tasks?.destroy()]);
      if (bus?.connected === true) await lastWrites([records, taskRecords], beat, logger);
    } else await Promise.all([executor?.leave(), tasks?.leave()]);
    beat?.stop();
    stopDiskReport?.();
    await usage?.stop();
    await keeper?.stop();
    await peers?.stop();
    await sessions?.stop();
    await condition?.stop();
    routes.close();
    await logs.close();
    await Promise.all([egress?.close(), between?.close(onStop === 'keep')]);
    knowledge.close();
    taskViews.close();
    wantedImages.close();
    records.close();
    taskRecords.close();
    await bus?.close();
    await garden?.close();
    await registrySettings?.close();
    await images.close();
    await health?.close();
    health = undefined;
  };

  return {
    start: () => {
      starting ??= start();
      return starting;
    },
    stop: (why = 'told') => {
      ending ??= end(why);
      return ending;
    },
    get healthPort() {
      return health?.port;
    },
  };
}
