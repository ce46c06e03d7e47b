import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { jetStreamPrefix } from '@slipway/contracts';
import type { Logger, Secret } from '@slipway/service-kit';
import { BusError } from './bus-error.ts';
import { connectUntilDone } from './connect-until-done.ts';

export interface BusOptions {
  /** `nats://host:port`, several with commas. */
  readonly url: string;
  readonly user: string;
  readonly password: Secret;
  /** Names this process in messages' `source`, e.g. `cell-rep/cell-1`. */
  readonly source: string;
  readonly logger: Logger;
  /** The streams that it needs, those behind buckets too; the topology's keeper makes them. */
  readonly streams?: readonly string[];
  /** Where JetStream's API is: `$JS.API` in the account that has the streams; default is where services find it. */
  readonly apiPrefix?: string;
}

const REQUEST_TIMEOUT_MS = 5_000;
// A server that accepts and says nothing would hold up the end of the service until the pings find out, half a minute.
const DRAIN_DEADLINE_MS = 3_000;
// Finds a stream that was deleted and made anew while the connection stayed up.
const VERIFY_INTERVAL_MS = 30_000;

/**
 * One service's connection to NATS. After every reconnect it waits until the streams and buckets that the service needs
 * are there, and then tells everyone who follows them to take a new snapshot.
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
  #verifying: Promise<void> | undefined;
  #connected = true;
  #ready = true;
  #generation = 0;
  /** A stream was replaced, and the followers have not been told yet. */
  #resetDue = false;

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
    const login = { ...options, name: options.source };
    const nc = (await connectUntilDone(login, new AbortController().signal)) as NatsConnection;
    const api = { apiPrefix: options.apiPrefix ?? jetStreamPrefix, timeout: REQUEST_TIMEOUT_MS };
    const js = jetstream(nc, api);
    const jsm = await jetstreamManager(nc, { ...api, checkAPI: false });
    const bus = new Bus(nc, js, jsm, options);
    bus.#followStatus();
    await bus.#findStreams();
    bus.#resetDue = false;
    bus.#verifyTimer = setInterval(() => void bus.verify(), VERIFY_INTERVAL_MS);
    bus.#verifyTimer.unref();
    return bus;
  }

  get connected(): boolean {
    return this.#connected && !this.#closing.signal.aborted && !this.nc.isClosed();
  }

  /** Connected, and the streams and buckets are known to be there since: what is published now is kept. */
  get ready(): boolean {
    return this.#ready && this.connected;
  }

  /** Rises with each lost connection and each reset: what was read under another generation may be old. */
  get generation(): number {
    return this.#generation;
  }

  /** Aborted when the bus closes. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  /** When the stream behind a bucket, or a stream, was made, by the server's clock; undefined for one not its own. */
  createdAt(stream: string): string | undefined {
    return this.#created.get(stream);
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
    try {
      if (this.#connected && !this.nc.isClosed()) await within(DRAIN_DEADLINE_MS, this.nc.drain());
    } catch (error) {
      // The connection broke meanwhile, or the server hangs; there is nobody left to send to.
      this.logger.warn({ err: error }, 'nats.drain-failed');
    } finally {
      await this.nc.close();
    }
  }

  /** Finds out whether a stream was made anew, and tells the followers. Runs on a timer; a follower that finds none asks for it. */
  verify(): Promise<void> {
    // Several followers lose one stream at the same time: one look is enough for all of them.
    this.#verifying ??= this.#verify().finally(() => {
      this.#verifying = undefined;
    });
    return this.#verifying;
  }

  async #verify(): Promise<void> {
    if (!this.ready) return;
    try {
      await this.#lookAtStreams();
      if (this.#resetDue && this.ready) {
        this.logger.warn('nats.stream-replaced');
        this.#reset();
      }
    } catch (error) {
      this.logger.warn({ err: error }, 'nats.topology-check-failed');
    }
  }

  #followStatus(): void {
    const follow = async (): Promise<void> => {
      for await (const status of this.nc.status()) {
        switch (status.type) {
          case 'disconnect':
            this.#connected = false;
            this.#ready = false;
            this.#generation++;
            this.logger.warn('nats.disconnected');
            break;
          case 'reconnect':
            this.#connected = true;
            this.logger.info('nats.reconnected');
            void this.#recover();
            break;
          case 'error':
            this.logger.error({ err: status.error }, 'nats.error');
            break;
          default:
        }
      }
    };
    follow().catch((error: unknown) => this.logger.error({ err: error }, 'nats.status-lost'));
    void this.nc.closed().then((error) => {
      if (this.#closing.signal.aborted) return;
      // Nothing would ever connect again. Rejecting here ends the process, and the supervisor starts it anew.
      throw new BusError('BUS_CLOSED', 'the NATS connection was closed for good', { cause: error });
    });
  }

  async #recover(): Promise<void> {
    const generation = this.#generation;
    await this.#findStreams();
    // Lost again meanwhile: the next reconnect recovers.
    if (generation === this.#generation && !this.signal.aborted) this.#reset();
  }

  #reset(): void {
    this.#resetDue = false;
    this.#generation++;
    this.#ready = true;
    for (const listener of this.#resetListeners) {
      try {
        listener();
      } catch (error) {
        this.logger.error({ err: error }, 'nats.reset-listener-failed');
      }
    }
  }

  async #findStreams(): Promise<void> {
    for (let attempt = 0; !this.signal.aborted; attempt++) {
      try {
        await this.#lookAtStreams();
        return;
      } catch (error) {
        if (this.signal.aborted) return;
        this.logger.warn({ err: error, attempt }, 'nats.topology-not-ready');
        await new Promise((resolve) => setTimeout(resolve, Math.min(100 * 2 ** attempt, 2_000)));
      }
    }
  }

  /** Remembers in `#resetDue` that a stream is another than last time, also when a later one fails. */
  async #lookAtStreams(): Promise<void> {
    for (const name of this.#options.streams ?? []) {
      const { created } = await this.jsm.streams.info(name);
      const before = this.#created.get(name);
      if (before !== undefined && before !== created) this.#resetDue = true;
      this.#created.set(name, created);
    }
  }
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`not done within ${ms} ms`)), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
