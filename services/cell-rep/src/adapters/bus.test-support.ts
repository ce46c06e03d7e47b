import { type Bus, connectService } from '@slipway/bus';
import { busAccess, type ServiceName } from '@slipway/contracts';
import { createLogger, Secret } from '@slipway/service-kit';
import type { NatsHandle } from '@slipway/testing';
import { onTestFinished } from 'vitest';

export const silent = createLogger('test', 'silent');

/** Connects as a service, with that service's permissions; closed when the test is over. */
export async function connectAs(nats: NatsHandle, service: ServiceName, cellId?: string): Promise<Bus> {
  const user = cellId === undefined ? service : `${service}-${cellId}`;
  const bus = await connectService(busAccess(service, cellId), {
    config: { NATS_URL: nats.url, NATS_USER: user, NATS_PASSWORD: new Secret(nats.password(user)) },
    source: user,
    logger: silent,
  });
  onTestFinished(() => bus.close());
  return bus;
}
