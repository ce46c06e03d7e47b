import type { Subscription } from '@nats-io/nats-core';
import { type RouterRegister, routerRegisterSchema, routerStartSchema, routerSubjects } from '@slipway/contracts';
import type { Bus } from './bus.ts';

const DEFAULT_INTERVAL_MS = 20_000;
const GREET_TIMEOUT_MS = 1_000;

export interface RouteRegistrar {
  /** Publishes these now; the period goes on with what `routes()` says. */
  register(routes: readonly RouterRegister[]): void;
  unregister(routes: readonly RouterRegister[]): void;
  stop(): void;
}

/**
 * Keeps routes registered in Gorouter's way: at once, again on every `router.start`, and at the interval that the
 * router asks for (`router.greet`). Core NATS may lose any of it, the next period repairs that.
 */
export function startRouteRegistrar(bus: Bus, routes: () => readonly RouterRegister[]): RouteRegistrar {
  let intervalMs = DEFAULT_INTERVAL_MS;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const publish = (subject: string, messages: readonly RouterRegister[]): void => {
    // What is sent into a lost connection is lost with it; the reset after a reconnect registers anew.
    if (!bus.connected) return;
    for (const message of messages) {
      const route = routerRegisterSchema.safeParse(message);
      if (route.success) bus.nc.publish(subject, JSON.stringify(route.data));
      // One bad route must not keep the others from being registered.
      else bus.logger.error({ err: route.error, uris: message.uris }, 'route.invalid');
    }
  };
  const beat = (): void => {
    clearTimeout(timer);
    // A late answer to the greeting must not register what was unregistered at the stop.
    if (stopped) return;
    publish(routerSubjects.register, routes());
    timer = setTimeout(beat, intervalMs);
  };
  const adopt = (payload: unknown): void => {
    const start = routerStartSchema.safeParse(payload);
    if (start.success) intervalMs = start.data.minimumRegisterIntervalInSeconds * 1_000;
    else bus.logger.warn({ err: start.error }, 'router-start.invalid');
    beat();
  };
  const subscription: Subscription = bus.nc.subscribe(routerSubjects.start, {
    callback: (error, message) => {
      if (error !== null && error !== undefined) bus.logger.warn({ err: error }, 'router-start.subscription');
      else adopt(parseJson(message.data));
    },
  });
  const greet = async (): Promise<void> => {
    try {
      adopt((await bus.nc.request(routerSubjects.greet, '', { timeout: GREET_TIMEOUT_MS })).json());
    } catch {
      // No router yet: it announces itself with router.start when it comes.
      beat();
    }
  };
  void greet();
  const stopListening = bus.onReset(beat);

  return {
    register: (messages) => publish(routerSubjects.register, messages),
    unregister: (messages) => publish(routerSubjects.unregister, messages),
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      stopListening();
      subscription.unsubscribe();
    },
  };
}

function parseJson(data: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(data).toString('utf8'));
  } catch {
    return undefined;
  }
}
