import { type BusAccess, streamsOf } from '@slipway/contracts';
import type { Logger, Secret } from '@slipway/service-kit';
import { Bus } from './bus.ts';

export interface ServiceConnection {
  readonly config: { readonly NATS_URL: string; readonly NATS_USER: string; readonly NATS_PASSWORD: Secret };
  readonly source: string;
  readonly logger: Logger;
}

/** Connects a service, and waits for exactly the streams and buckets that its access names. */
export function connectService(access: BusAccess, { config, source, logger }: ServiceConnection): Promise<Bus> {
  return Bus.connect({
    url: config.NATS_URL,
    user: config.NATS_USER,
    password: config.NATS_PASSWORD,
    source,
    logger,
    streams: streamsOf(access),
  });
}
