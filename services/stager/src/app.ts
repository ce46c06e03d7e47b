import { type Bus, connectService, LogEmitter, publishMessage, startWorkQueue, type WorkQueue } from '@slipway/bus';
import {
  busAccess,
  registryCheckRequest,
  registryCheckResult,
  type StagingRequest,
  stagingRequest,
} from '@slipway/contracts';
import {
  DocumentCache,
  followRegistrySettings,
  hostPlatform,
  imageLimitsOf,
  RegistryClient,
  registryClientOptions,
} from '@slipway/oci';
import {
  type App,
  Counter,
  createMetrics,
  Gauge,
  type HealthServer,
  Histogram,
  type Logger,
  startHealthServer,
} from '@slipway/service-kit';
import { ImageCopier } from './adapters/image-copier.ts';
import type { Config } from './config.ts';
import { describeWait } from './domain/describe-wait.ts';
import { checkRegistry } from './handlers/check-registry.ts';
import { reportResult } from './handlers/report-result.ts';
import { stageBuild } from './handlers/stage-build.ts';

export interface StagerApp extends App {
  /** Known once started. */
  readonly healthPort: number | undefined;
}

/** Room for the manifests and configs of some thousand images; they have some ten kilobytes. */
const DOCUMENT_BYTES = 16 * 1024 * 1024;
/**
 * By so much the clocks of two machines differ in any case: what a tag meant so shortly before a build was requested will
 * do for it. So builds that are requested one right after the other look at a tag once.
 */
const CLOCK_GRACE_MS = 100;
const STAGING_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900];

/** Each is a few small requests, mostly waiting. */
const CHECKS = { concurrency: 16, perKey: 4 };
/**
 * Requests taken off a queue that wait for a turn, a few kilobytes each. cloud-controller has no more builds of an
 * organization under way than a quarter of it.
 */
const WAITING = 800;

/** Requests of an older cloud-controller name no organization: they share one's places. */
const turnOf = ({ organizationGuid = '' }: { readonly organizationGuid?: string | undefined }): string =>
  organizationGuid;

const logTo =
  (lines: LogEmitter, { appGuid }: StagingRequest) =>
  (line: string, stream: 'OUT' | 'ERR'): void =>
    lines.emit({ sourceId: appGuid, sourceType: 'STG', stream, line });

/** Puts the stager together: requests from the work queue in, results and log lines out. */
export function createApp(config: Config, { logger }: { readonly logger: Logger }): StagerApp {
  const metrics = createMetrics('stager');
  const results = new Counter({
    name: 'staging_results_total',
    help: 'Builds staged, by outcome and by the code of the failure',
    labelNames: ['outcome', 'code'],
    registers: [metrics],
  });
  const durations = new Histogram({
    name: 'staging_duration_seconds',
    help: 'Time from taking a request to its result',
    labelNames: ['outcome'],
    buckets: STAGING_SECONDS,
    registers: [metrics],
  });
  const documents = new DocumentCache({ maxBytes: DOCUMENT_BYTES });
  const registry = new RegistryClient({ ...registryClientOptions(config, logger), documents });
  const droplets = config.DROPLET_REGISTRY;
  const copier = droplets === undefined ? undefined : new ImageCopier(registry, droplets);
  new Gauge({
    name: 'staging_documents_bytes',
    help: 'Manifests and configs kept for builds of the same images',
    registers: [metrics],
    collect() {
      this.set(documents.bytes);
    },
  });
  const keys = { publicKey: config.STAGER_PUBLIC_KEY, privateKey: config.STAGER_PRIVATE_KEY.reveal() };
  let bus: Bus | undefined;
  const checks = new Counter({
    name: 'registry_checks_total',
    help: 'Questions whether a registry takes a user name and password, by outcome and code',
    labelNames: ['outcome', 'code'],
    registers: [metrics],
  });
  let queue: WorkQueue | undefined;
  let checkQueue: WorkQueue | undefined;
  let logs: LogEmitter | undefined;
  let health: HealthServer | undefined;
  let registrySettings: Awaited<ReturnType<typeof followRegistrySettings>> | undefined;
  let stopping = false;

  const work = async (on: Bus, lines: LogEmitter): Promise<WorkQueue> =>
    startWorkQueue(on, {
      definition: { ...stagingRequest, stream: stagingRequest.stream ?? '' },
      durable: 'stager',
      concurrency: config.STAGER_CONCURRENCY,
      turns: {
        keyOf: turnOf,
        perKey: config.STAGER_ORGANIZATION_CONCURRENCY,
        waiting: WAITING,
        onWait: ({ data }, why) => {
          logger.info({ buildGuid: data.buildGuid, why }, 'staging.waiting');
          logTo(lines, data)(describeWait(why, config), 'OUT');
        },
      },
      handle: async ({ data, time }, signal) => {
        logger.info({ buildGuid: data.buildGuid, image: data.image }, 'staging.started');
        const log = logTo(lines, data);
        const deps = {
          registry,
          platform: hostPlatform(),
          limits: imageLimitsOf(config),
          keys,
          copier,
          requestedAt: Date.parse(time) - CLOCK_GRACE_MS,
          log,
          now: Date.now,
        };
        const result = await stageBuild(data, deps, signal);
        await reportResult(on, data, result, signal);
        const code = result.outcome === 'failed' ? result.error.code : '';
        results.inc({ outcome: result.outcome, code });
        durations.observe({ outcome: result.outcome }, result.durationMs / 1_000);
        logger.info(
          { buildGuid: data.buildGuid, outcome: result.outcome, code, ms: result.durationMs },
          'staging.done',
        );
      },
    });

  const workOnChecks = async (on: Bus): Promise<WorkQueue> =>
    startWorkQueue(on, {
      definition: registryCheckRequest,
      durable: 'stager',
      concurrency: CHECKS.concurrency,
      turns: { keyOf: turnOf, perKey: CHECKS.perKey, waiting: WAITING },
      handle: async ({ data }, signal) => {
        const result = await checkRegistry(data, { registry, keys, now: Date.now }, signal);
        // Of answers to one question that was handed out twice, one arrives.
        await publishMessage(on, registryCheckResult, result, { id: `check-result-${data.checkGuid}` });
        const { outcome, code = '', durationMs: ms } = result;
        checks.inc({ outcome, code });
        logger.info({ checkGuid: data.checkGuid, registry: data.registry, outcome, code, ms }, 'registry-check.done');
      },
    });

  return {
    start: async () => {
      const notReady = (): string | undefined =>
        bus?.connected === true && queue !== undefined ? undefined : 'NATS: not connected';
      health = await startHealthServer(config.HEALTH_PORT, { notReady, metrics });
      registrySettings = await followRegistrySettings({
        file: config.REGISTRIES_FILE,
        client: registry,
        logger,
        metrics,
      });
      bus = await connectService(busAccess('stager'), { config, source: 'stager', logger });
      if (stopping) return bus.close();
      logs = new LogEmitter(bus);
      queue = await work(bus, logs);
      checkQueue = await workOnChecks(bus);
    },
    stop: async () => {
      stopping = true;
      await queue?.stop();
      await checkQueue?.stop();
      logs?.close();
      await bus?.close();
      await registrySettings?.close();
      await registry.close();
      await health?.close();
      health = undefined;
    },
    get healthPort() {
      return health?.port;
    },
  };
}
