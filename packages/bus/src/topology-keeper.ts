import {
  AckPolicy,
  type ConsumerConfig,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { buckets, busAccess, serviceNames, streams } from '@slipway/contracts';
import type { Logger, Secret } from '@slipway/service-kit';
import { connectUntilDone } from './connect-until-done.ts';
import { type EnsuredStream, ensureStream, kvStreamConfig, streamConfig } from './ensure-stream.ts';

export interface TopologyOptions {
  /** `nats://host:port`, several with commas. */
  readonly url: string;
  /** The operator's: no service may make streams. */
  readonly user: string;
  readonly password: Secret;
  readonly logger: Logger;
  /** Copies of each stream in a NATS cluster; default 1. */
  readonly replicas?: number;
}

export interface TopologyKeeper {
  /** Resolves when everything was there for the first time. */
  readonly complete: Promise<void>;
  stop(): Promise<void>;
}

/** A message whose handler gave no sign of life for so long is given to another; handlers give one every 3 s. */
const ACK_WAIT_MS = 10_000;
const MILLISECOND_NS = 1_000_000;
const CHECK_INTERVAL_MS = 30_000;
const RETRY_MIN_MS = 100;
// How long a stream that was deleted while the server ran is left alone before it is made anew.
const SETTLE_MS = 1_000;
/** Said by the server when something of the topology goes away. */
const DELETED = ['$JS.EVENT.ADVISORY.STREAM.DELETED.>', '$JS.EVENT.ADVISORY.CONSUMER.DELETED.>'];

/**
 * Makes the streams, buckets and durable consumers that `packages/contracts` names, changes those that are otherwise, and
 * makes anew what is gone: at each connect (a wiped store heals itself), when the server says that one was deleted, and
 * every half a minute.
 */
export function keepTopology(options: TopologyOptions): TopologyKeeper {
  const stopping = new AbortController();
  const complete = Promise.withResolvers<void>();
  complete.promise.catch(() => undefined);
  let wake = Promise.withResolvers<void>();
  let settleMs = 0;
  const look = (settle: number): void => {
    settleMs = Math.max(settleMs, settle);
    wake.resolve();
  };
  const stopped = new Promise<void>((resolve) => {
    stopping.signal.addEventListener('abort', () => resolve(), { once: true });
  });

  const keep = async (nc: NatsConnection): Promise<void> => {
    const jsm = await jetstreamManager(nc, { checkAPI: false });
    for (const subject of DELETED) nc.subscribe(subject, { callback: () => look(SETTLE_MS) });
    void followReconnects(nc, () => look(0));
    const timer = setInterval(() => look(0), CHECK_INTERVAL_MS);
    let failures = 0;
    try {
      while (!stopping.signal.aborted) {
        const settle = settleMs;
        settleMs = 0;
        wake = Promise.withResolvers();
        try {
          await ensureAll(jsm, options.replicas ?? 1, settle);
          failures = 0;
          complete.resolve();
          await Promise.race([wake.promise, stopped]);
        } catch (error) {
          if (stopping.signal.aborted) break;
          options.logger.warn({ err: error, failures }, 'topology.not-complete');
          const retry = setTimeout(() => look(settle), Math.min(RETRY_MIN_MS * 2 ** failures++, CHECK_INTERVAL_MS));
          await Promise.race([wake.promise, stopped]);
          clearTimeout(retry);
        }
      }
    } finally {
      clearInterval(timer);
      await nc.close();
    }
  };
  const running = (async () => {
    const nc = await connectUntilDone({ ...options, name: 'topology' }, stopping.signal);
    if (nc !== undefined) await keep(nc);
  })();
  running.catch((error: unknown) => {
    options.logger.error({ err: error }, 'topology.lost');
    complete.reject(error);
  });
  return {
    complete: complete.promise,
    stop: async () => {
      stopping.abort();
      complete.reject(new Error('stopped before the streams were there'));
      await running;
    },
  };
}

async function followReconnects(nc: NatsConnection, look: () => void): Promise<void> {
  for await (const { type } of nc.status()) if (type === 'reconnect') look();
}

async function ensureAll(jsm: JetStreamManager, replicas: number, settleMs: number): Promise<void> {
  const wanted: readonly EnsuredStream[] = [
    ...Object.values(streams).map((stream) => streamConfig(stream, replicas)),
    ...Object.values(buckets).map((bucket) => kvStreamConfig(bucket, replicas)),
  ];
  const failures: unknown[] = [];
  const attempt = async (made: Promise<unknown>): Promise<void> => {
    try {
      await made;
    } catch (error) {
      // One that cannot be had must not keep the others away; without a connection none can be had.
      if (!(error instanceof JetStreamApiError)) throw error;
      failures.push(error);
    }
  };
  for (const config of wanted) await attempt(ensureStream(jsm, config, settleMs));
  for (const { stream, durable } of serviceNames.flatMap((service) => busAccess(service).consume)) {
    await attempt(jsm.consumers.add(stream.name, durableConfig(durable)));
  }
  if (failures.length > 0) throw failures.length === 1 ? failures[0] : new AggregateError(failures);
}

const durableConfig = (durable: string): Partial<ConsumerConfig> => ({
  durable_name: durable,
  ack_policy: AckPolicy.Explicit,
  ack_wait: ACK_WAIT_MS * MILLISECOND_NS,
  // Deliveries are counted by who works through it, so that the last one can go to the dead letters.
  max_deliver: -1,
  max_ack_pending: 1_000,
});
