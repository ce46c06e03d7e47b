import type { AddressInfo } from 'node:net';
import { type Bus, connectService, startSystemRoute } from '@slipway/bus';
import { busAccess } from '@slipway/contracts';
import { AccessTokens, type App, type HealthServer, type Logger, startHealthServer } from '@slipway/service-kit';
import type { FastifyInstance } from 'fastify';
import { LogAccess } from './adapters/cloud-controller/log-access.ts';
import { LogStream } from './adapters/nats/log-stream.ts';
import { UsageGauges } from './adapters/nats/usage-gauges.ts';
import { checkToken } from './adapters/uaa/token-verifier.ts';
import type { Config } from './config.ts';
import { createLogCacheMetrics } from './metrics.ts';
import { createApi } from './routes/api.ts';

export interface LogCacheApp extends App {
  /** Known once started. */
  readonly port: number | undefined;
  readonly healthPort: number | undefined;
}

/** Puts log-cache together. */
export function createApp(config: Config, { logger }: { readonly logger: Logger }): LogCacheApp {
  let bus: Bus | undefined;
  let stream: LogStream | undefined;
  let gauges: UsageGauges | undefined;
  let api: FastifyInstance | undefined;
  let health: HealthServer | undefined;
  let unregister: (() => Promise<void>) | undefined;
  let port: number | undefined;
  let stopping = false;

  const notReady = (): string | undefined => {
    if (bus?.connected !== true) return 'NATS: not connected';
    return stream?.store === undefined ? 'LOGS: not read yet' : undefined;
  };

  const start = async (): Promise<void> => {
    const metrics = createLogCacheMetrics(() => stream);
    health = await startHealthServer(config.HEALTH_PORT, { notReady, metrics: metrics.registry });
    bus = await connectService(busAccess('log-cache'), { config, source: 'log-cache', logger });
    if (stopping) return stop();
    const lines = new LogStream(bus, {
      linesPerSource: config.LOG_CACHE_LINES_PER_SOURCE,
      bytesPerSource: config.LOG_CACHE_BYTES_PER_SOURCE,
      bytes: config.LOG_CACHE_BYTES,
    });
    stream = lines;
    lines.start();
    const usage = new UsageGauges(bus);
    gauges = usage;
    usage.start();
    const tokens = new AccessTokens({ uaaUrl: config.UAA_URL, logger });
    const access = new LogAccess(config.CLOUD_CONTROLLER_URL);
    api = createApi({
      whenRead: (timeoutMs) => lines.whenRead(timeoutMs),
      gauges: usage.store,
      checkToken: (authorization) => checkToken(tokens, authorization),
      checkAccess: (sourceId, caller) => access.check(sourceId, caller),
      onRead: metrics.onRead,
      logger,
    });
    await api.listen({ host: config.LISTEN_HOST, port: config.LISTEN_PORT });
    port = (api.server.address() as AddressInfo).port;
    if (stopping) return stop();
    unregister = startSystemRoute(bus, {
      host: config.ROUTE_HOST,
      port,
      uris: config.SYSTEM_HOSTS.map((host) => `${host}/api/v1`),
      component: 'log-cache',
    });
  };

  const stop = async (): Promise<void> => {
    stopping = true;
    await unregister?.();
    unregister = undefined;
    await api?.close();
    stream?.stop();
    gauges?.stop();
    await bus?.close();
    await health?.close();
    health = undefined;
  };

  return {
    start,
    stop,
    get port() {
      return port;
    },
    get healthPort() {
      return health?.port;
    },
  };
}
