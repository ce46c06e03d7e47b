import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { RouterRegister } from '@slipway/contracts';
import type { Bus } from './bus.ts';
import { startRouteRegistrar } from './route-registrar.ts';

const FLUSH_TIMEOUT_MS = 1_000;

export interface SystemRoute {
  /** Where the router reaches this process. */
  readonly host: string;
  readonly port: number;
  /** E.g. `localhost/uaa`. */
  readonly uris: readonly string[];
  /** The service. */
  readonly component: string;
}

/**
 * Keeps the routes of a part of the platform itself registered. The returned function takes them back; call it before
 * the server closes, so that the router sends nothing more.
 */
export function startSystemRoute(bus: Bus, { host, port, uris, component }: SystemRoute): () => Promise<void> {
  const route: RouterRegister = {
    host,
    port,
    uris: [...uris],
    tags: { component },
    private_instance_id: randomUUID(),
  };
  const registrar = startRouteRegistrar(bus, () => [route]);
  return async () => {
    registrar.stop();
    registrar.unregister([route]);
    if (!bus.connected) return;
    // When it cannot be sent, the router forgets the route on its own.
    const sent = bus.nc.flush().catch(() => undefined);
    await Promise.race([sent, delay(FLUSH_TIMEOUT_MS, undefined, { ref: false })]);
  };
}
