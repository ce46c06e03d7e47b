import { EventEmitter, once } from 'node:events';
import { type Bus, connectService } from '@slipway/bus';
import { busAccess, type RouterRegister, type ServiceName } from '@slipway/contracts';
import { createLogger, loadConfig, Secret } from '@slipway/service-kit';
import type { NatsHandle } from '@slipway/testing';
import { onTestFinished } from 'vitest';
import { createApp, type RouterApp } from './app.ts';
import { configSchema } from './config.ts';

export interface TestRouter {
  readonly app: RouterApp;
  readonly port: number;
  readonly healthPort: number;
  /** Log lines so far, by event name. */
  readonly logged: (event: string) => Record<string, unknown>[];
  /** Resolves when an event has been logged so many times. */
  untilLogged(event: string, times?: number): Promise<void>;
  stop(): Promise<void>;
}

/** What a router process is told, on free ports. */
export function routerEnv(nats: NatsHandle, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    NATS_URL: nats.url,
    NATS_USER: 'router',
    NATS_PASSWORD: nats.password('router'),
    LISTEN_PORT: '0',
    START_MAX_WAIT_MS: '10',
    ...more,
  };
}

/** Creates a router without waiting until it has started. */
export function createRouter(
  nats: NatsHandle,
  more: Readonly<Record<string, string>> = {},
): Omit<TestRouter, 'port' | 'healthPort'> {
  const lines: Record<string, unknown>[] = [];
  const events = new EventEmitter();
  const logger = createLogger('router', 'debug', {
    write: (line) => {
      lines.push(JSON.parse(line) as Record<string, unknown>);
      events.emit('line');
    },
  });
  const app = createApp(loadConfig('router', configSchema, routerEnv(nats, more)), { logger });
  onTestFinished(() => app.stop());
  const logged = (event: string): Record<string, unknown>[] => lines.filter(({ msg }) => msg === event);
  return {
    app,
    logged,
    untilLogged: async (event, times = 1) => {
      while (logged(event).length < times) await once(events, 'line');
    },
    stop: () => app.stop(),
  };
}

export async function startRouter(nats: NatsHandle, more: Readonly<Record<string, string>> = {}): Promise<TestRouter> {
  const router = createRouter(nats, more);
  await router.app.start();
  const { port, healthPort } = router.app;
  if (port === undefined || healthPort === undefined) throw new Error('the router did not start');
  return { ...router, port, healthPort };
}

/** A connection with the permissions of a service, closed with the test. */
export async function connectAs(nats: NatsHandle, service: ServiceName, cellId?: string): Promise<Bus> {
  const user = cellId === undefined ? service : `${service}-${cellId}`;
  const bus = await connectService(busAccess(service, cellId), {
    config: { NATS_URL: nats.url, NATS_USER: user, NATS_PASSWORD: new Secret(nats.password(user)) },
    source: user,
    logger: createLogger(user, 'silent'),
  });
  onTestFinished(() => bus.close());
  return bus;
}

export function publish(bus: Bus, kind: 'register' | 'unregister', message: RouterRegister | unknown): void {
  bus.nc.publish(`router.${kind}`, typeof message === 'string' ? message : JSON.stringify(message));
}
