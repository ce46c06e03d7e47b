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
    if (bus.nc.isClosed()) return;
    for (const message of messages) bus.nc.publish(subject, JSON.stringify(routerRegisterSchema.parse(message)));
  };
  const beat = (): void => {
    publish(routerSubjects.register, routes());
    clearTimeout(timer);
    if (!stopped) timer = setTimeout(beat, intervalMs);
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
