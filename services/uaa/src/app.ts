import type { AddressInfo } from 'node:net';
import { type Bus, connectService, startSystemRoute } from '@slipway/bus';
import { busAccess } from '@slipway/contracts';
import { type App, describeError, type HealthServer, type Logger, startHealthServer } from '@slipway/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Config } from './config.ts';
import { type Identity, openIdentity } from './identity.ts';

/** A key that another process made is served well before it signs (`key-schedule.ts`). */
const RELOAD_KEYS_MS = 15_000;
const SWEEP_MS = 600_000;

export interface UaaApp extends App {
  /** Known once started. */
  readonly port: number | undefined;
  readonly healthPort: number | undefined;
}

/** Puts uaa together. */
export function createApp(config: Config, { logger }: { readonly logger: Logger }): UaaApp {
  let identity: Identity | undefined;
  let api: FastifyInstance | undefined;
  let bus: Bus | undefined;
  let unregister: (() => Promise<void>) | undefined;
  let health: HealthServer | undefined;
  let port: number | undefined;
  let databaseProblem: string | undefined = 'starting';
  let stopping = false;
  const timers: NodeJS.Timeout[] = [];

  const notReady = (): string | undefined => {
    if (databaseProblem !== undefined) return `database: ${databaseProblem}`;
    if (api === undefined) return 'HTTP: not listening';
    return bus?.connected === true ? undefined : 'NATS: not connected';
  };

  /** Runs at intervals; a failure shows in /readyz until a run succeeds. */
  const repeat = (intervalMs: number, what: string, work: () => Promise<void>): void => {
    const run = async (): Promise<void> => {
      try {
        await work();
        databaseProblem = undefined;
      } catch (error) {
        databaseProblem = describeError(error);
        logger.error({ err: error }, what);
      }
    };
    timers.push(setInterval(() => void run(), intervalMs));
  };

  const start = async (): Promise<void> => {
    const opened = openIdentity(config, { logger });
    identity = opened;
    health = await startHealthServer(config.HEALTH_PORT, { notReady, metrics: opened.metrics.registry });
    await opened.prepare();
    databaseProblem = undefined;
    if (stopping) return stop();
    repeat(RELOAD_KEYS_MS, 'signing-keys.reload-failed', () => opened.keys.load());
    repeat(SWEEP_MS, 'sweep.failed', () => opened.sweep());
    api = await opened.createApi();
    await api.listen({ host: config.LISTEN_HOST, port: config.LISTEN_PORT });
    port = (api.server.address() as AddressInfo).port;
    // Tokens need no NATS: it is only how the router learns of us.
    bus = await connectService(busAccess('uaa'), { config, source: 'uaa', logger });
    if (stopping) return stop();
    unregister = startSystemRoute(bus, {
      host: config.ROUTE_HOST,
      port,
      uris: config.SYSTEM_HOSTS.map((host) => `${host}/uaa`),
      component: 'uaa',
    });
  };

  const stop = async (): Promise<void> => {
    stopping = true;
    await unregister?.();
    unregister = undefined;
    for (const timer of timers.splice(0)) clearInterval(timer);
    await api?.close();
    await bus?.close();
    await identity?.close();
    identity = undefined;
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
