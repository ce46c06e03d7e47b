import { type BucketDefinition, type BusAccess, deadLetter, type StreamDefinition, streams } from '@slipway/contracts';
import type { Logger, Secret } from '@slipway/service-kit';
import { Bus } from './bus.ts';

export interface ServiceConnection {
  readonly config: { readonly NATS_URL: string; readonly NATS_USER: string; readonly NATS_PASSWORD: Secret };
  readonly source: string;
  readonly logger: Logger;
}

/** Connects a service with exactly the streams and buckets that its access names. */
export function connectService(access: BusAccess, { config, source, logger }: ServiceConnection): Promise<Bus> {
  const wanted = new Map<string, StreamDefinition>();
  for (const stream of [...access.streams, ...access.read, ...access.consume.map((c) => c.stream)]) {
    wanted.set(stream.name, stream);
  }
  if (access.consume.length > 0) wanted.set(deadLetter.stream ?? '', streams.deadLetters);
  const buckets = new Map<string, BucketDefinition<unknown>>();
  for (const bucket of [...access.kvRead, ...access.kvWrite.map((w) => w.bucket)]) buckets.set(bucket.name, bucket);
  return Bus.connect({
    url: config.NATS_URL,
    user: config.NATS_USER,
    password: config.NATS_PASSWORD,
    source,
    logger,
    streams: [...wanted.values()],
    buckets: [...buckets.values()],
  });
}
