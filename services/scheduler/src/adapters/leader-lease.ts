import { type Bus, KvStore, KvView } from '@slipway/bus';
import { buckets, keys, type Lease } from '@slipway/contracts';
import type { Logger } from '@slipway/service-kit';

// Locket: a lock lives 15 s (the bucket's age limit) and is renewed every 5 s.
const RENEW_MS = 5_000;
/** A leader that could not renew for so long stops acting, well before the bucket gives the lease to another. */
const ACT_MS = 10_000;
const RETRY_MS = 1_000;

const KEY = keys.schedulerLease;

export interface LeaderLeaseOptions {
  /** Names this process; another for each start. */
  readonly holder: string;
  readonly logger: Logger;
  /** The lead was taken, or may be acted on again after renewals had failed. */
  readonly onLead: () => void;
}

interface Held {
  readonly epoch: number;
  revision: number;
  /** When the last successful renewal was sent (monotonic, ms): the record is at least as young as that. */
  renewedAt: number;
}

/**
 * The lock of the one scheduler that acts: a record in KV `leases` that its holder renews by compare-and-set and that
 * expires with the bucket's age limit. Others follow the record: they take over at once when it is deleted, else when
 * it has expired.
 */
export class LeaderLease {
  readonly #bus: Bus;
  readonly #store: KvStore<Lease>;
  readonly #options: LeaderLeaseOptions;
  #view: KvView<Lease> | undefined;
  #stopListening: () => void = () => undefined;
  #held: Held | undefined;
  #since = 0;
  #timer: NodeJS.Timeout | undefined;
  #ticking: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  private constructor(bus: Bus, store: KvStore<Lease>, options: LeaderLeaseOptions) {
    this.#bus = bus;
    this.#store = store;
    this.#options = options;
  }

  static async start(bus: Bus, options: LeaderLeaseOptions): Promise<LeaderLease> {
    const lease = new LeaderLease(bus, await KvStore.open(bus, buckets.leases), options);
    lease.#view = await KvView.open(bus, buckets.leases, {
      onChange: (change) => {
        if (change?.key === KEY && change.value === undefined && lease.#held === undefined) lease.#tick();
      },
    });
    lease.#stopListening = bus.onReset(() => lease.#tick());
    lease.#tick();
    return lease;
  }

  /** Whether this process may act now. To be asked before every step, for a pause of the process costs the lead. */
  leads(): boolean {
    return this.#held !== undefined && performance.now() - this.#held.renewedAt <= ACT_MS;
  }

  /** Since when it may act without a break (monotonic, ms). */
  get since(): number {
    return this.#since;
  }

  /** Of the lease held; it rises with each holder. */
  get epoch(): number | undefined {
    return this.#held?.epoch;
  }

  /** Gives the lease back, so that another need not wait for its end. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#stopListening();
    clearTimeout(this.#timer);
    await this.#ticking;
    this.#view?.close();
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined || !this.#bus.connected) return;
    try {
      const released = await this.#store.delete(KEY, held.revision);
      this.#options.logger.info({ epoch: held.epoch, released }, 'lease.released');
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'lease.release-failed');
    }
  }

  #tick(): void {
    if (this.#stopped) return;
    if (this.#ticking !== undefined) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#ticking = this.#holdOrTake()
      .catch((error: unknown) => {
        this.#options.logger.warn({ err: error, held: this.#held !== undefined }, 'lease.failed');
        return RETRY_MS;
      })
      .then((nextMs) => {
        this.#ticking = undefined;
        if (this.#stopped) return;
        this.#timer = setTimeout(() => this.#tick(), this.#again ? 0 : nextMs);
        this.#again = false;
      });
  }

  /** Returns when to come again. */
  async #holdOrTake(): Promise<number> {
    if (this.#held === undefined) return this.#take();
    const wasActing = this.leads();
    const sentAt = performance.now();
    const revision = await this.#store.update(KEY, this.#record(this.#held.epoch), this.#held.revision);
    if (revision !== undefined) {
      this.#held.revision = revision;
      this.#held.renewedAt = sentAt;
      if (!wasActing) this.#beginActing();
      return RENEW_MS;
    }
    const current = await this.#store.get(KEY);
    if (current?.value.holder === this.#options.holder) {
      // A renewal whose answer was lost. When it was made is unknown, so it counts from the next.
      this.#held.revision = current.revision;
      return 0;
    }
    this.#options.logger.warn({ epoch: this.#held.epoch, to: current?.value.holder }, 'lease.lost');
    this.#held = undefined;
    return current === undefined ? 0 : RETRY_MS;
  }

  async #take(): Promise<number> {
    const waitMs = this.#heldByOtherFor();
    if (waitMs > 0) return waitMs;
    // Every write to the bucket is one of this key, so the next sequence is above every epoch before.
    const { state } = await this.#bus.jsm.streams.info(`KV_${buckets.leases.name}`);
    const epoch = state.last_seq + 1;
    const sentAt = performance.now();
    const revision = await this.#store.create(KEY, this.#record(epoch));
    if (revision === undefined) return RETRY_MS;
    this.#held = { epoch, revision, renewedAt: sentAt };
    this.#options.logger.info({ epoch, holder: this.#options.holder }, 'lease.taken');
    this.#beginActing();
    return RENEW_MS;
  }

  /** Another's lease is left alone while it is renewed; after that it is tried every second until it has expired. */
  #heldByOtherFor(): number {
    const entry = this.#view?.entries.get(KEY);
    if (entry === undefined || entry.value.holder === this.#options.holder) return 0;
    return Math.max(RENEW_MS + RETRY_MS - (performance.now() - entry.receivedAt), 0);
  }

  #record(epoch: number): Lease {
    return { v: 1, holder: this.#options.holder, epoch, renewedAt: new Date().toISOString() };
  }

  #beginActing(): void {
    this.#since = performance.now();
    this.#options.onLead();
  }
}
