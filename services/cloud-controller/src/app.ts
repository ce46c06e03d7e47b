import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { connectService, LogEmitter, startSystemRoute } from '@slipway/bus';
import { busAccess, type Instance } from '@slipway/contracts';
import { openDatabase } from '@slipway/database';
import { type App, createMetrics, Gauge, type Logger, startHealthServer } from '@slipway/service-kit';
import type { Platform } from './actions/platform.ts';
import { askAgain } from './actions/registry-checks.ts';
import { requestStagingAgain } from './actions/staging.ts';
import { ActualState } from './adapters/nats/actual-state.ts';
import {
  DesiredRecords,
  desiredLrps,
  desiredTasks,
  networkRecords,
  wantedImages,
} from './adapters/nats/desired-records.ts';
import { TaskReports } from './adapters/nats/task-reports.ts';
import type { Database, Db } from './adapters/sql/schema.ts';
import { seed } from './adapters/sql/seed.ts';
import { type ApiLine, Writer } from './adapters/sql/writer.ts';
import { fingerprintsOf } from './adapters/ssh-fingerprints.ts';
import { createTokenVerifier } from './adapters/uaa/token-verifier.ts';
import { createUserDirectory } from './adapters/uaa/user-directory.ts';
import { Vault } from './adapters/vault.ts';
import type { Config } from './config.ts';
import { apiHosts } from './domain/names/api-hosts.ts';
import { updateDeployments } from './handlers/deployment-updater.ts';
import { DesiredSync } from './handlers/desired-sync.ts';
import { forgetOldEvents } from './handlers/forget-old-events.ts';
import { forgetOldTasks } from './handlers/forget-old-tasks.ts';
import { InstanceEvents } from './handlers/instance-events.ts';
import { failLateBuilds } from './handlers/late-builds.ts';
import { lrpSource } from './handlers/lrp-source.ts';
import { networkSource } from './handlers/network-source.ts';
import { OutboxRelay } from './handlers/outbox-relay.ts';
import { prepareDatabase } from './handlers/prepare-database.ts';
import { failLateChecks, publishRegistryCheck, startRegistryCheckResults } from './handlers/registry-checks.ts';
import { Repeated } from './handlers/repeated.ts';
import { resealCredentials } from './handlers/reseal-credentials.ts';
import { rotateEncryptionKey } from './handlers/rotate-encryption-key.ts';
import { publishStagingRequest } from './handlers/staging-requests.ts';
import { startStagingResults } from './handlers/staging-results.ts';
import { SyncMetrics } from './handlers/sync-metrics.ts';
import { taskSource } from './handlers/task-source.ts';
import { TaskUpdater } from './handlers/task-updater.ts';
import { wantedImageSource } from './handlers/wanted-image-source.ts';
import type { SshEndpoint } from './resources/root.ts';
import { linksOf } from './resources/shapes.ts';
import { createApi } from './routes/api.ts';

/** Rows that were put off or left by another process are looked for so often. */
const RELAY_INTERVAL_MS = 1_000;
const LATE_BUILDS_INTERVAL_MS = 30_000;
const LATE_CHECKS_INTERVAL_MS = 5_000;
const FORGET_EVENTS_INTERVAL_MS = 3_600_000;
/** They are settled as they are reported; this is for those that could not be, or waited for too long. */
const SETTLE_TASKS_INTERVAL_MS = 10_000;
/** They are noted as they happen; this is for those that could not be. */
const NOTE_CRASHES_INTERVAL_MS = 10_000;

export interface CloudController extends App {
  /** Once started: where the API and the health endpoints answer. */
  readonly ports: () => { readonly api: number; readonly health: number };
}

export interface Options {
  readonly now?: () => Date;
  /** Checks every response against its schema. For tests. */
  readonly checkResponses?: boolean;
}

/** The composition root. */
export function createApp(config: Config, logger: Logger, options: Options = {}): CloudController {
  const now = options.now ?? ((): Date => new Date());
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => undefined);
  const closers: (() => unknown)[] = [];
  let stopping: Promise<void> | undefined;
  let notReady: () => string | undefined = () => 'starting';
  const ports = { api: 0, health: 0 };

  /** Gives up when the app is stopped meanwhile. */
  const unlessStopped = <T>(work: Promise<T>): Promise<T> => Promise.race([work, aborted.promise]);
  const onStop = (close: () => unknown): void => {
    closers.push(close);
  };

  const start = async (): Promise<void> => {
    const metrics = createMetrics('cloud-controller');
    const health = await startHealthServer(config.HEALTH_PORT, { notReady: () => notReady(), metrics });
    ports.health = health.port;
    onStop(() => health.close());

    const db: Db = openDatabase<Database>(config.DATABASE_URL);
    onStop(() => db.destroy());
    const platform = platformOf(config);
    await prepareDatabase(db, platform.vault, logger);
    await seed(db, { appsDomain: config.APPS_DOMAIN, now: now().toISOString() });

    const connecting = connectService(busAccess('cloud-controller'), { config, source: 'cloud-controller', logger });
    const bus = await unlessStopped(connecting);
    onStop(() => bus.close());
    const emitter = new LogEmitter(bus);
    onStop(() => emitter.close());

    let relay: OutboxRelay | undefined;
    const writer = new Writer({
      db,
      now,
      onAnnounced: () => relay?.wake(),
      onLine: (line) => emitLine(emitter, line),
    });
    await rotateEncryptionKey(db, platform, logger);
    await resealCredentials(writer, platform, logger);

    let sync: Repeated | undefined;
    const records = await unlessStopped(DesiredRecords.open(bus, desiredLrps, () => sync?.trigger()));
    onStop(() => records.close());
    const crashes = new InstanceEvents(writer, logger);
    const noteCrashes = new Repeated('crash-events', () => crashes.note(), NOTE_CRASHES_INTERVAL_MS, logger);
    const onInstance = (instance: Instance): void => {
      if (crashes.see(instance)) noteCrashes.trigger();
    };
    const actual = await unlessStopped(ActualState.open(bus, onInstance));
    onStop(() => actual.close());

    const lrps = new DesiredSync({
      source: lrpSource(db, platform),
      records,
      now,
      logger,
      metrics: new SyncMetrics(metrics, 'lrp'),
    });
    const taskUpdater = new TaskUpdater(writer, logger);
    const settleTasks = new Repeated('tasks', () => taskUpdater.update(now), SETTLE_TASKS_INTERVAL_MS, logger);
    const taskRecords = await unlessStopped(DesiredRecords.open(bus, desiredTasks, () => sync?.trigger()));
    onStop(() => taskRecords.close());
    const taskSync = new DesiredSync({
      source: taskSource(db, platform),
      records: taskRecords,
      now,
      logger,
      metrics: new SyncMetrics(metrics, 'task'),
    });
    let imageSyncing: Repeated | undefined;
    const imageRecords = await unlessStopped(DesiredRecords.open(bus, wantedImages, () => imageSyncing?.trigger()));
    onStop(() => imageRecords.close());
    const imageSync = new DesiredSync({
      source: wantedImageSource(db, platform),
      records: imageRecords,
      now,
      logger,
      metrics: new SyncMetrics(metrics, 'image'),
    });
    let networkSyncing: Repeated | undefined;
    const networks = await unlessStopped(DesiredRecords.open(bus, networkRecords, () => networkSyncing?.trigger()));
    onStop(() => networks.close());
    const networkSync = new DesiredSync({
      source: networkSource(db),
      records: networks,
      now,
      logger,
      metrics: new SyncMetrics(metrics, 'network'),
    });
    const onTaskReport = (guid: string): void => {
      taskUpdater.see(guid);
      settleTasks.trigger();
    };
    const taskReports = await unlessStopped(TaskReports.open(bus, onTaskReport));
    onStop(() => taskReports.close());
    taskUpdater.attach(taskReports);

    let synced = false;
    const syncAll = async (): Promise<void> => {
      const [lrpsSynced, tasksSynced] = [await lrps.syncAll(), await taskSync.syncAll()];
      if (lrpsSynced && tasksSynced) synced = true;
    };
    sync = new Repeated('lrp-sync', syncAll, config.SYNC_INTERVAL_MS, logger);
    // By itself: there are many, and what shall run must not wait for them.
    const syncImages = async (): Promise<void> => void (await imageSync.syncAll());
    const keptInSync = new Repeated('image-sync', syncImages, config.SYNC_INTERVAL_MS, logger);
    imageSyncing = keptInSync;
    const syncNetworks = async (): Promise<void> => void (await networkSync.syncAll());
    const networksInSync = new Repeated('network-sync', syncNetworks, config.SYNC_INTERVAL_MS, logger);
    networkSyncing = networksInSync;
    const syncing = sync;
    relay = new OutboxRelay({
      db,
      now,
      logger,
      connected: () => bus.connected,
      intervalMs: RELAY_INTERVAL_MS,
      handlers: {
        'staging-request': (guid) =>
          publishStagingRequest({ db, bus, platform, stagerPublicKey: config.STAGER_PUBLIC_KEY }, guid),
        'registry-check': (guid) =>
          publishRegistryCheck({ db, bus, platform, stagerPublicKey: config.STAGER_PUBLIC_KEY }, guid),
        lrp: (guid) => lrps.syncOne(guid),
        task: async (guid) => {
          await taskUpdater.settle(guid);
          await taskSync.syncOne(guid);
        },
        image: (guid) => imageSync.syncOne(guid),
        network: (key) => networkSync.syncOne(key),
        sync: async () => {
          syncing.trigger();
          keptInSync.trigger();
          networksInSync.trigger();
        },
      },
    });
    const relaying = relay;
    new Gauge({
      name: 'slipway_outbox_rows',
      help: 'Changes that the bus was not told of yet',
      registers: [metrics],
      async collect() {
        this.set(await relaying.depth());
      },
    });
    const lateBuilds = new Repeated(
      'late-builds',
      () => failLateBuilds(writer, platform, now),
      LATE_BUILDS_INTERVAL_MS,
      logger,
    );
    const lateChecks = new Repeated(
      'late-checks',
      () => failLateChecks(writer, platform, now),
      LATE_CHECKS_INTERVAL_MS,
      logger,
    );
    const heldUp = new Map<string, string>();
    const deployments = new Repeated(
      'deployments',
      () => updateDeployments({ db, writer, platform, actual, now, logger, held: heldUp }),
      config.DEPLOYMENT_STEP_INTERVAL_MS,
      logger,
    );
    const auditEvents = new Repeated(
      'audit-events',
      async () => {
        await forgetOldEvents(writer, config.AUDIT_EVENT_RETENTION_DAYS, now);
        await forgetOldTasks(writer, config.COMPLETED_TASK_RETENTION_DAYS, now);
      },
      FORGET_EVENTS_INTERVAL_MS,
      logger,
    );
    await askEverythingAgain(writer);
    onStop(bus.onReset(() => void catchUp(writer, relaying, logger)));
    sync.start();
    keptInSync.start();
    networksInSync.start();
    relay.start();
    lateBuilds.start();
    lateChecks.start();
    deployments.start();
    auditEvents.start();
    noteCrashes.start();
    settleTasks.start();
    const tasks = [
      syncing,
      keptInSync,
      networksInSync,
      relaying,
      lateBuilds,
      lateChecks,
      deployments,
      auditEvents,
      noteCrashes,
      settleTasks,
    ];
    onStop(() => Promise.all(tasks.map((task) => task.stop())));
    const results = await unlessStopped(startStagingResults({ bus, writer, platform, logger }));
    onStop(() => results.stop());
    const checked = await unlessStopped(startRegistryCheckResults({ bus, writer, platform, logger }));
    onStop(() => checked.stop());

    const tokens = createTokenVerifier({
      uaaUrl: config.UAA_URL,
      issuer: `${config.EXTERNAL_URL}/uaa/oauth/token`,
      logger,
    });
    const users = createUserDirectory({ uaaUrl: config.UAA_URL, clientSecret: config.UAA_CLIENT_SECRET, now });
    const link = linksOf(config.EXTERNAL_URL);
    const api = await createApi(
      { db, writer, platform, link, ssh: sshEndpoint(config), tokens, users, now, actual: () => actual },
      { logger, metrics, checkResponses: options.checkResponses === true },
    );
    onStop(() => api.close());
    await unlessStopped(api.listen({ host: config.LISTEN_HOST, port: config.LISTEN_PORT }));
    ports.api = (api.server.address() as AddressInfo).port;
    const uris = apiHosts(config.SYSTEM_HOSTS);
    onStop(startSystemRoute(bus, { host: config.ROUTE_HOST, port: ports.api, uris, component: 'cloud-controller' }));
    notReady = () => (!bus.connected ? 'NATS: not connected' : synced ? undefined : 'desired LRPs: not synced yet');
    logger.info({ port: ports.api, healthPort: ports.health }, 'api.listening');
  };

  const stop = async (): Promise<void> => {
    notReady = () => 'stopping';
    aborted.reject(new Error('stopped'));
    const failures: unknown[] = [];
    for (const close of closers.splice(0).reverse()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'not everything stopped cleanly');
  };

  return {
    start,
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
    ports: () => ports,
  };
}

function sshEndpoint({ SSH_ADDRESS, SSH_HOST_PUBLIC_KEY }: Config): SshEndpoint | undefined {
  if (SSH_ADDRESS === undefined || SSH_HOST_PUBLIC_KEY === undefined) return undefined;
  return { address: SSH_ADDRESS, ...fingerprintsOf(SSH_HOST_PUBLIC_KEY) };
}

function platformOf(config: Config): Platform {
  return {
    externalUrl: config.EXTERNAL_URL,
    vault: new Vault(config.ENCRYPTION_KEY, config.DECRYPTION_KEYS),
    newGuid: randomUUID,
    cellPublicKey: config.CELL_PUBLIC_KEY,
    systemHosts: config.SYSTEM_HOSTS,
    limits: {
      defaultMemoryMb: config.DEFAULT_APP_MEMORY_MB,
      defaultDiskMb: config.DEFAULT_APP_DISK_MB,
      maximumDiskMb: config.MAXIMUM_APP_DISK_MB,
      defaultLogRateBytesPerSecond: config.DEFAULT_LOG_RATE_BYTES_PER_SECOND,
      defaultStartTimeoutS: config.DEFAULT_HEALTH_CHECK_TIMEOUT_S,
      maximumStartTimeoutS: config.MAXIMUM_HEALTH_CHECK_TIMEOUT_S,
      stagingTimeoutS: config.STAGING_TIMEOUT_S,
      buildsPerOrganization: config.STAGING_BUILDS_PER_ORGANIZATION,
      networkPoliciesPerSource: config.MAX_NETWORK_POLICIES_PER_APP_SOURCE,
      processUsers: config.ADDITIONAL_PROCESS_USERS,
    },
  };
}

function emitLine(emitter: LogEmitter, { appGuid, text, stream }: ApiLine): void {
  emitter.emit({ sourceId: appGuid, sourceType: 'API', stream, line: text });
}

/** What stagers were asked and have not answered. */
function askEverythingAgain(writer: Writer): Promise<void> {
  return writer.write(async (unit) => {
    await requestStagingAgain(unit);
    await askAgain(unit);
  });
}

/** The bus was away or lost what it had: what waits is due, and what was asked may have to be asked again. */
async function catchUp(writer: Writer, relay: OutboxRelay, logger: Logger): Promise<void> {
  try {
    await askEverythingAgain(writer);
    await relay.hasten();
  } catch (error) {
    logger.error({ err: error }, 'bus.catch-up-failed');
  }
}
