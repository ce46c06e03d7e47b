import { randomUUID } from 'node:crypto';
import { type Bus, connectService, KvStore } from '@slipway/bus';
import { buckets, busAccess } from '@slipway/contracts';
import { type App, type HealthServer, type Logger, startHealthServer } from '@slipway/service-kit';
import { ClusterViews } from './adapters/cluster-views.ts';
import { LeaderLease } from './adapters/leader-lease.ts';
import type { Config } from './config.ts';
import { createSchedulerMetrics } from './metrics.ts';
import { Reconciler } from './reconciler.ts';

export interface SchedulerApp extends App {
  /** Known once started. */
  readonly healthPort: number | undefined;
}

/** Puts the scheduler together. */
export function createApp(config: Config, { logger }: { readonly logger: Logger }): SchedulerApp {
  const holder = `${config.NATS_USER}-${randomUUID()}`;
  let bus: Bus | undefined;
  let views: ClusterViews | undefined;
  let lease: LeaderLease | undefined;
  let reconciler: Reconciler | undefined;
  let health: HealthServer | undefined;
  let stopping = false;

  const metrics = createSchedulerMetrics({
    leads: () => lease?.leads() ?? false,
    countPlacements: () => {
      const count = { placed: 0, unclaimed: 0, crashed: 0 };
      for (const { value } of views?.placements.entries.values() ?? []) {
        if (value.kind === 'placed') count.placed++;
        else if (value.state === 'CRASHED') count.crashed++;
        else count.unclaimed++;
      }
      return count;
    },
  });
  const notReady = (): string | undefined => {
    if (bus?.connected !== true) return 'NATS: not connected';
    return views?.fresh === true && lease !== undefined ? undefined : 'views: not read yet';
  };

  const start = async (): Promise<void> => {
    health = await startHealthServer(config.HEALTH_PORT, { notReady, metrics: metrics.registry });
    logger.info({ port: health.port }, 'health.listening');
    bus = await connectService(busAccess('scheduler'), { config, source: holder, logger });
    if (stopping) return stop();
    views = await ClusterViews.open(bus, { logger, onChange: () => reconciler?.request() });
    const store = await KvStore.open(bus, buckets.placements);
    const taskStore = await KvStore.open(bus, buckets.tasks);
    if (stopping) return stop();
    lease = await LeaderLease.start(bus, { holder, logger, onLead: () => reconciler?.converge() });
    if (stopping) return stop();
    reconciler = new Reconciler({ views, store, taskStore, lease, metrics, logger });
    reconciler.converge();
  };

  const stop = async (): Promise<void> => {
    stopping = true;
    await reconciler?.stop();
    reconciler = undefined;
    // After the last write, so that the next leader finds all of them.
    await lease?.stop();
    lease = undefined;
    views?.close();
    views = undefined;
    await bus?.close();
    bus = undefined;
    await health?.close();
    health = undefined;
  };

  return {
    start,
    stop,
    get healthPort() {
      return health?.port;
    },
  };
}
