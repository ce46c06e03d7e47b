import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { type BucketDefinition, inboxPrefix, type StreamDefinition } from '@slipway/contracts';
import type { Logger, Secret } from '@slipway/service-kit';
import { ensureStream, kvStreamConfig, streamConfig } from './ensure-stream.ts';

export interface BusOptions {
  /** `nats://host:port`, several with commas. */
  readonly url: string;
  readonly user: string;
  readonly password: Secret;
  /** Names this process in messages' `source`, e.g. `cell-rep/cell-1`. */
  readonly source: string;
  readonly logger: Logger;
  readonly streams?: readonly StreamDefinition[];
  readonly buckets?: readonly BucketDefinition<unknown>[];
  /** Copies of each stream in a NATS cluster. */
  readonly replicas?: number;
}

// A lost connection is tried again for ever: a service without NATS keeps what it has and waits.
const RECONNECT_WAIT_MS = 250;
const PING_INTERVAL_MS = 10_000;
const REQUEST_TIMEOUT_MS = 5_000;
// Finds a stream that was deleted and made anew while the connection stayed up.
const VERIFY_INTERVAL_MS = 30_000;

/**
 * One service's connection to NATS. It makes the streams and buckets that the service needs, again after every
 * reconnect (a wiped store heals itself), and then tells everyone who follows them to take a new snapshot.
 */
export class Bus {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  readonly source: string;
  readonly logger: Logger;
  readonly #options: BusOptions;
  readonly #resetListeners = new Set<() => void>();
  readonly #created = new Map<string, string>();
  readonly #closing = new AbortController();
  #verifyTimer: NodeJS.Timeout | undefined;
  #connected = true;

  private constructor(nc: NatsConnection, js: JetStreamClient, jsm: JetStreamManager, options: BusOptions) {
    this.nc = nc;
    this.js = js;
    this.jsm = jsm;
    this.source = options.source;
    this.logger = options.logger;
    this.#options = options;
  }

  /** Waits until NATS answers and the streams and buckets are there. */
  static async connect(options: BusOptions): Promise<Bus> {
    const nc = await connect({
      servers: options.url.split(','),
      user: options.user,
      pass: options.password.reveal(),
      name: options.source,
      inboxPrefix: inboxPrefix(options.user),
      maxReconnectAttempts: -1,
      reconnectTimeWait: RECONNECT_WAIT_MS,
      waitOnFirstConnect: true,
      pingInterval: PING_INTERVAL_MS,
      ignoreAuthErrorAbort: true,
    });
    const js = jetstream(nc, { timeout: REQUEST_TIMEOUT_MS });
    const jsm = await jetstreamManager(nc, { timeout: REQUEST_TIMEOUT_MS, checkAPI: false });
    const bus = new Bus(nc, js, jsm, options);
    await bus.#ensureUntilDone();
    bus.#followStatus();
    bus.#verifyTimer = setInterval(() => void bus.#verify(), VERIFY_INTERVAL_MS);
    bus.#verifyTimer.unref();
    return bus;
  }

  get connected(): boolean {
    return this.#connected && !this.nc.isClosed();
  }

  /** Aborted when the bus closes. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  /** Called after each reconnect, and when a stream was made anew: what was followed must be read from its start. */
  onReset(listener: () => void): () => void {
    this.#resetListeners.add(listener);
    return () => this.#resetListeners.delete(listener);
  }

  /** Sends what is buffered, then closes. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new Error('bus closed'));
    clearInterval(this.#verifyTimer);
    if (this.connected) await this.nc.drain();
    else await this.nc.close();
  }

  #followStatus(): void {
    const follow = async (): Promise<void> => {
      for await (const status of this.nc.status()) {
        switch (status.type) {
          case 'disconnect':
            this.#connected = false;
            this.logger.warn('nats.disconnected');
            break;
          case 'reconnect':
            this.#connected = true;
            this.logger.info('nats.reconnected');
            void this.#ensureUntilDone().then(() => this.#reset());
            break;
          case 'error':
            this.logger.error({ err: status.error }, 'nats.error');
            break;
          default:
        }
      }
    };
    follow().catch((error: unknown) => this.logger.error({ err: error }, 'nats.status-lost'));
  }

  #reset(): void {
    for (const listener of this.#resetListeners) listener();
  }

  async #ensureUntilDone(): Promise<void> {
    for (let attempt = 0; !this.signal.aborted; attempt++) {
      try {
        await this.#ensureAll();
        return;
      } catch (error) {
        if (this.signal.aborted) return;
        this.logger.warn({ err: error, attempt }, 'nats.topology-not-ready');
        await new Promise((resolve) => setTimeout(resolve, Math.min(100 * 2 ** attempt, 2_000)));
      }
    }
  }

  /** True when a stream is another than last time. */
  async #ensureAll(): Promise<boolean> {
    const replicas = this.#options.replicas ?? 1;
    const configs = [
      ...(this.#options.streams ?? []).map((stream) => streamConfig(stream, replicas)),
      ...(this.#options.buckets ?? []).map((bucket) => kvStreamConfig(bucket, replicas)),
    ];
    let changed = false;
    for (const config of configs) {
      const created = await ensureStream(this.jsm, config);
      const before = this.#created.get(config.name);
      changed ||= before !== undefined && before !== created;
      this.#created.set(config.name, created);
    }
    return changed;
  }

  async #verify(): Promise<void> {
    if (!this.connected || this.signal.aborted) return;
    try {
      if (await this.#ensureAll()) {
        this.logger.warn('nats.stream-replaced');
        this.#reset();
      }
    } catch (error) {
      this.logger.warn({ err: error }, 'nats.topology-check-failed');
    }
  }
}
