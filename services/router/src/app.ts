import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Bus, connectService } from '@slipway/bus';
import { busAccess } from '@slipway/contracts';
import { type App, type HealthServer, type Logger, startHealthServer } from '@slipway/service-kit';
import { AccessLog } from './adapters/nats/access-log.ts';
import { followRouteMessages, type RouteMessages } from './adapters/nats/route-messages.ts';
import { createDial } from './adapters/proxy/dial.ts';
import { ProxyServer } from './adapters/proxy/proxy-server.ts';
import { UpstreamPool } from './adapters/proxy/upstream-pool.ts';
import type { Config } from './config.ts';
import { RouteTable } from './domain/routes/route-table.ts';
import { parseRouteUri } from './domain/routes/route-uri.ts';
import { consequenceOf } from './domain/upstream-failure.ts';
import { Pruner } from './handlers/pruner.ts';
import { Registrations } from './handlers/registrations.ts';
import { routeListing } from './handlers/route-listing.ts';
import { StartGate } from './handlers/start-gate.ts';
import { createRouterMetrics } from './metrics.ts';
import { backendTls, proxySettings } from './proxy-settings.ts';

export interface RouterApp extends App {
  /** Where users come in; known once started. */
  readonly port: number | undefined;
  readonly healthPort: number | undefined;
}

/** Puts the router together. */
export function createApp(config: Config, { logger }: { readonly logger: Logger }): RouterApp {
  const now = (): number => performance.now();
  const random = (): number => Math.random();
  let bus: Bus | undefined;
  let health: HealthServer | undefined;
  let messages: RouteMessages | undefined;
  let accessLog: AccessLog | undefined;
  let port: number | undefined;
  let stopping: Promise<void> | undefined;
  let lastRegistrationAt = now();

  const upstreams = new UpstreamPool({
    dial: createDial(backendTls(config)),
    maxIdlePerBackend: config.BACKEND_MAX_IDLE,
    idleTimeoutMs: config.BACKEND_IDLE_TIMEOUT_MS,
    now,
  });
  const table = new RouteTable({
    ttlMs: config.PRUNE_THRESHOLD_SECONDS * 1000,
    emptyPoolMs: config.EMPTY_ROUTE_MS,
    defaultAlgorithm: config.BALANCING_ALGORITHM,
    random,
    onBackendGone: (backend) => upstreams.forget(backend),
  });
  const metrics = createRouterMetrics(() => ({
    routes: table.routeCount,
    endpoints: table.endpointCount,
    msSinceLastRegistration: now() - lastRegistrationAt,
    clientConnections: proxy.connectionCount,
    idleUpstreams: upstreams.idleCount,
    dialed: upstreams.dialed,
    reused: upstreams.reused,
    suppressedLines: accessLog?.suppressed ?? 0,
  }));
  const startRoutes = config.START_ROUTES.map((uri) => parseRouteUri(uri));
  const gate = new StartGate({
    quietMs: config.START_QUIET_MS,
    maxWaitMs: config.START_MAX_WAIT_MS,
    hasRequiredRoutes: () => startRoutes.every((route) => route !== undefined && table.has(route)),
    now,
  });
  const registrations = new Registrations(table, logger, now, {
    onNew: () => gate.noteNew(),
    onMessage: (kind, component) => {
      lastRegistrationAt = now();
      metrics.onRouteMessage(kind, component);
    },
  });
  const pruner = new Pruner({
    table,
    logger,
    intervalMs: config.PRUNE_INTERVAL_MS,
    isConnected: () => bus?.connected === true,
    now,
    onPruned: (changes) => {
      metrics.onPruned(changes.length);
      registrations.logChanges(changes);
    },
  });
  const proxy = new ProxyServer({
    settings: proxySettings(config),
    routes: table,
    upstreams,
    now,
    wallClock: () => Date.now(),
    random,
    newGuid: randomUUID,
    isDraining: () => stopping !== undefined,
    onAccess: (record) => {
      metrics.onAccess(record);
      accessLog?.write(record);
    },
    onEndpointFailure: (pool, endpoint, failure) => {
      const { address, appId, instanceId, tls } = endpoint.spec;
      const fields = { uri: pool.uri, address, appId, instanceGuid: instanceId, failure: failure.text };
      logger.warn(fields, 'endpoint.failed');
      if (tls && consequenceOf(failure).prunesTls) registrations.logChanges(table.remove(pool, endpoint, now()));
    },
    onFault: (error) => logger.error({ err: error }, 'proxy.fault'),
    onRejected: (remoteAddress, reason) => {
      metrics.onRejected(reason);
      logger.debug({ remoteAddress, reason }, 'request.rejected');
    },
  });

  const notReady = (): string | undefined => {
    if (stopping !== undefined) return 'stopping';
    if (port === undefined) return 'routes: not settled yet';
    return undefined;
  };

  const start = async (): Promise<void> => {
    health = await startHealthServer(config.HEALTH_PORT, {
      notReady,
      metrics: metrics.registry,
      more: {
        '/health': () => (notReady() === undefined ? { status: 200, body: 'ok\n' } : { status: 503, body: '' }),
        '/routes': () => ({ status: 200, body: routeListing(table), type: 'application/json' }),
      },
    });
    logger.info({ port: health.port }, 'health.listening');
    // Access logs go to a stream that others make: the router serves without JetStream.
    bus = await connectService({ ...busAccess('router'), streams: [] }, { config, source: 'router', logger });
    if (stopping !== undefined) return bus.close();
    if (config.ACCESS_LOG) {
      const { ACCESS_LOG_LINES_PER_SECOND: linesPerSecond, FORWARDED_PROTO: forwardedProto } = config;
      accessLog = new AccessLog(bus, { linesPerSecond, forwardedProto, now });
    }
    const following = followRouteMessages(
      bus,
      {
        id: `0-${randomUUID()}`,
        hosts: [config.LISTEN_HOST],
        minimumRegisterIntervalInSeconds: config.REGISTER_INTERVAL_SECONDS,
        pruneThresholdInSeconds: config.PRUNE_THRESHOLD_SECONDS,
      },
      {
        onRegister: (message) => registrations.register(message),
        onUnregister: (message) => registrations.unregister(message),
        onInvalid: (subject, problem) => registrations.invalid(subject, problem),
      },
    );
    messages = following;
    const announce = (): void => {
      following.announce();
      logger.info('router.announced');
    };
    bus.onReset(() => {
      pruner.resume();
      announce();
    });
    announce();
    await gate.opened();
    if (stopping !== undefined) return;
    pruner.start();
    const { LISTEN_HOST: host, LISTEN_PORT: wanted, LISTEN_REUSE_PORT: reusePort } = config;
    port = await proxy.listen({ host, port: wanted, reusePort });
    logger.info({ host, port, routes: table.routeCount, endpoints: table.endpointCount }, 'router.listening');
  };

  const drain = async (): Promise<void> => {
    gate.stop();
    pruner.stop();
    if (port !== undefined) {
      await delay(config.DRAIN_WAIT_MS);
      await proxy.close(config.DRAIN_TIMEOUT_MS);
    }
    messages?.stop();
    accessLog?.close();
    await bus?.close();
    await health?.close();
  };

  return {
    start,
    stop: () => {
      stopping ??= drain();
      return stopping;
    },
    get port() {
      return port;
    },
    get healthPort() {
      return health?.port;
    },
  };
}
