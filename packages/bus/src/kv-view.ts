import { type ConsumerInfo, DeliverPolicy, type JsMsg, type PushConsumer } from '@nats-io/jetstream';
import type { BucketDefinition } from '@slipway/contracts';
import type { Bus } from './bus.ts';

export interface ViewEntry<T> {
  readonly value: T;
  readonly revision: number;
  /** When this revision first came here, by this process's monotonic clock (`performance.now()`), for clocks differ. */
  readonly receivedAt: number;
}

/** The marker that a deletion leaves in the bucket until somebody compacts it. */
export interface DeletedEntry {
  readonly revision: number;
  readonly receivedAt: number;
}

export interface KvViewOptions<T> {
  /** NATS subject pattern over the keys; default all. */
  readonly filter?: string;
  /** After each change that comes once the first snapshot is complete, and after each complete snapshot (no key). */
  readonly onChange?: (change: { readonly key: string; readonly value: T | undefined } | undefined) => void;
  /** Keeps `deleted`, so that "was deleted" and "was never there" (or lost with the store) can be told apart. */
  readonly trackDeleted?: boolean;
}

const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5_000;
/** How often the keys are listed anew while a snapshot is not complete: some may have expired meanwhile. */
const STALL_CHECK_MS = 1_000;
/** After a write is acknowledged the server takes a moment to count it as pending for its consumers. */
const SETTLE_MS = 50;
const CATCH_UP_TIMEOUT_MS = 5_000;

interface StoredEntry<T> extends ViewEntry<T> {
  /** When the server stored it (ns). With the revision it names one record, also after the store was lost. */
  readonly storedAt: number;
}

/** One reading of the bucket, from its snapshot on. */
interface Following {
  readonly consumer: PushConsumer;
  /** Sequence of the last message taken in, by the count of the consumer of this name (an ordered one is replaced). */
  delivered: { readonly by: string; readonly sequence: number };
}

/** Whether all that the server says it has sent was taken in. */
function tookIn(following: Following, info: ConsumerInfo): boolean {
  const { by, sequence } = following.delivered;
  return info.delivered.consumer_seq <= (by === info.name ? sequence : 0);
}

/**
 * A bucket (or part of it) held in memory: a complete snapshot, then every change with no gap between. After a
 * reconnect it takes a new snapshot, and only when that is complete are keys that are gone dropped.
 */
export class KvView<T> {
  readonly #bus: Bus;
  readonly #bucket: BucketDefinition<T>;
  readonly #options: KvViewOptions<T>;
  readonly #entries = new Map<string, StoredEntry<T>>();
  readonly #deleted = new Map<string, DeletedEntry>();
  readonly #invalid = new Map<string, number>();
  readonly #firstSync = Promise.withResolvers<void>();
  readonly #waiting = new Set<() => void>();
  #restart = new AbortController();
  #following: Following | undefined;
  #generation = -1;
  #revision = 0;
  #synced = false;
  #syncedAt: number | undefined;
  #closed = false;
  #stopListening: () => void = () => undefined;

  private constructor(bus: Bus, bucket: BucketDefinition<T>, options: KvViewOptions<T>) {
    this.#bus = bus;
    this.#bucket = bucket;
    this.#options = options;
  }

  /** Resolves when the first snapshot is complete. */
  static async open<T>(bus: Bus, bucket: BucketDefinition<T>, options: KvViewOptions<T> = {}): Promise<KvView<T>> {
    const view = new KvView(bus, bucket, options);
    view.#stopListening = bus.onReset(() => view.#restart.abort());
    const run = view.#run().catch((error: unknown) => {
      bus.logger.error({ err: error, bucket: bucket.name }, 'kv-view.lost');
      view.#firstSync.reject(error);
    });
    await Promise.race([view.#firstSync.promise, run]);
    return view;
  }

  get entries(): ReadonlyMap<string, ViewEntry<T>> {
    return this.#entries;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)?.value;
  }

  /** Keys that were deleted and not written since. Empty without `trackDeleted`. */
  get deleted(): ReadonlyMap<string, DeletedEntry> {
    return this.#deleted;
  }

  /** Connected, and complete since. False means: what is here may be old, and what is missing may exist. */
  get fresh(): boolean {
    return this.#synced && this.#bus.connected && this.#generation === this.#bus.generation;
  }

  /** When the last snapshot was complete (`performance.now()`); undefined before the first. */
  get syncedAt(): number | undefined {
    return this.#syncedAt;
  }

  /** The newest revision that came here since the last snapshot began. */
  get revision(): number {
    return this.#revision;
  }

  /** Keys whose newest record does not parse; their last valid value, if any, is still in `entries`. */
  get invalidKeys(): ReadonlySet<string> {
    return new Set(this.#invalid.keys());
  }

  /** Waits until a write of this revision is seen here. False when that did not happen in time, or a reset came first. */
  async reached(revision: number, timeoutMs: number = CATCH_UP_TIMEOUT_MS): Promise<boolean> {
    const following = this.#following;
    await this.#waitUntil(() => this.#revision >= revision || this.#following !== following || !this.fresh, timeoutMs);
    return this.fresh && this.#following === following && this.#revision >= revision;
  }

  /**
   * Waits until all that the bucket holds now has come here. False when that cannot be told: then the view is read
   * anew, for its consumer may be gone without a word.
   */
  async catchUp(timeoutMs: number = CATCH_UP_TIMEOUT_MS): Promise<boolean> {
    const following = this.#following;
    if (following === undefined || !this.fresh) return false;
    const deadline = performance.now() + timeoutMs;
    const over = (): boolean => this.#following !== following || !this.fresh;
    const within = (ms: number): number => Math.min(ms, deadline - performance.now());
    try {
      const { state } = await this.#bus.jsm.streams.info(`KV_${this.#bucket.name}`);
      const reachedLast = (): boolean => this.#revision >= state.last_seq;
      await this.#waitUntil(() => reachedLast() || over(), within(SETTLE_MS));
      // The last record may have been purged, have expired, or be of no key of this view: then the consumer must tell.
      while (!reachedLast() && !over() && within(1) > 0) {
        const info = await following.consumer.info();
        await this.#waitUntil(() => reachedLast() || tookIn(following, info) || over(), within(CATCH_UP_TIMEOUT_MS));
        if (info.num_pending === 0 && tookIn(following, info)) return !over();
      }
      if (!over() && reachedLast()) return true;
    } catch (error) {
      this.#bus.logger.warn({ err: error, bucket: this.#bucket.name }, 'kv-view.catch-up-failed');
    }
    if (this.#following === following) this.#restart.abort();
    return false;
  }

  /**
   * Takes deletion markers away that came here longer ago than this, but for those to `keep`; who has not seen them by
   * then can no longer tell "was deleted" from "was never there". Needs `trackDeleted` and `kvCompact` access. Returns
   * how many went.
   */
  async compact(olderThanMs: number, keep: (key: string) => boolean = () => false): Promise<number> {
    const before = performance.now() - olderThanMs;
    const old = [...this.#deleted].filter(([key, { receivedAt }]) => receivedAt <= before && !keep(key));
    let purged = 0;
    for (const [key, { revision }] of old) {
      if (!this.fresh) break;
      // Up to this marker and no further: the key may have been written anew meanwhile.
      const filter = `$KV.${this.#bucket.name}.${key}`;
      const { purged: messages } = await this.#bus.jsm.streams.purge(`KV_${this.#bucket.name}`, {
        filter,
        seq: revision + 1,
      });
      purged += messages;
      if (this.#deleted.get(key)?.revision === revision) this.#deleted.delete(key);
    }
    return purged;
  }

  close(): void {
    this.#closed = true;
    this.#stopListening();
    this.#restart.abort();
    this.#wake();
  }

  async #waitUntil(condition: () => boolean, timeoutMs: number): Promise<void> {
    if (condition() || this.#closed || timeoutMs <= 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const check = (): void => {
      if (condition() || this.#closed) resolve();
    };
    const timer = setTimeout(resolve, timeoutMs);
    this.#waiting.add(check);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(check);
    }
  }

  #wake(): void {
    for (const check of this.#waiting) check();
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#closed && !this.#bus.signal.aborted) {
      this.#restart = new AbortController();
      this.#synced = false;
      try {
        await this.#follow(this.#restart.signal, () => {
          failures = 0;
        });
      } catch (error) {
        if (this.#closed || this.#bus.signal.aborted) return;
        failures++;
        this.#bus.logger.warn({ err: error, bucket: this.#bucket.name, failures }, 'kv-view.retry');
        const wait = Math.min(RETRY_MIN_MS * 2 ** failures, RETRY_MAX_MS);
        await Promise.all([this.#bus.verify(), new Promise((resolve) => setTimeout(resolve, wait))]);
      } finally {
        this.#following = undefined;
        this.#wake();
      }
    }
  }

  async #follow(restart: AbortSignal, onSynced: () => void): Promise<void> {
    const prefix = `$KV.${this.#bucket.name}.`;
    this.#generation = this.#bus.generation;
    const consumer = await this.#bus.js.consumers.getPushConsumer(`KV_${this.#bucket.name}`, {
      deliver_policy: DeliverPolicy.LastPerSubject,
      filter_subjects: `${prefix}${this.#options.filter ?? '>'}`,
    });
    const following: Following = { consumer, delivered: { by: '', sequence: 0 } };
    this.#following = following;
    // Sequences start anew in a stream that was made anew.
    this.#revision = 0;
    const seen = new Set<string>();
    let missing: Set<string> | undefined;
    const completeWhenAllSeen = (): void => {
      if (this.#synced || missing === undefined || missing.size > 0) return;
      clearInterval(listing);
      this.#completeSnapshot(seen);
      onSynced();
    };
    // The server's count of what is pending falls to 0 between the removal of an overwritten record and the counting of
    // its successor, so it cannot tell that the snapshot is complete. A list of the keys can: all of them must have come.
    const listKeys = async (): Promise<void> => {
      try {
        const keys = await this.#listKeys(prefix);
        if (restart.aborted) return;
        missing = keys.difference(seen);
        completeWhenAllSeen();
      } catch (error) {
        this.#bus.logger.warn({ err: error, bucket: this.#bucket.name }, 'kv-view.list-failed');
      }
    };
    const messages = await consumer.consume();
    const stop = (): void => messages.stop();
    restart.addEventListener('abort', stop, { once: true });
    const listing = setInterval(() => void listKeys(), STALL_CHECK_MS);
    void listKeys();
    try {
      if (restart.aborted) return;
      for await (const message of messages) {
        // A stopped reading may still hold messages of a store that is gone.
        if (restart.aborted) break;
        const key = message.subject.slice(prefix.length);
        following.delivered = { by: message.info.consumer, sequence: message.info.deliverySequence };
        this.#revision = Math.max(this.#revision, message.seq);
        this.#apply(key, message, seen);
        missing?.delete(key);
        completeWhenAllSeen();
        this.#wake();
      }
    } finally {
      clearInterval(listing);
      restart.removeEventListener('abort', stop);
      messages.stop();
    }
    if (!restart.aborted && !this.#closed) throw new Error('the watch ended');
  }

  /** Every key that the bucket holds at one moment, those with a deletion marker too. */
  async #listKeys(prefix: string): Promise<Set<string>> {
    const filter = `${prefix}${this.#options.filter ?? '>'}`;
    const info = await this.#bus.jsm.streams.info(`KV_${this.#bucket.name}`, { subjects_filter: filter });
    return new Set(Object.keys(info.state.subjects ?? {}).map((subject) => subject.slice(prefix.length)));
  }

  #apply(key: string, message: JsMsg, seen: Set<string>): void {
    seen.add(key);
    const operation = message.headers?.get('KV-Operation');
    if (operation === 'DEL' || operation === 'PURGE') {
      this.#invalid.delete(key);
      if (this.#options.trackDeleted === true && this.#deleted.get(key)?.revision !== message.seq) {
        this.#deleted.set(key, { revision: message.seq, receivedAt: performance.now() });
      }
      if (this.#entries.delete(key) && this.#synced) this.#options.onChange?.({ key, value: undefined });
      return;
    }
    this.#deleted.delete(key);
    const before = this.#entries.get(key);
    // A new snapshot brings records that we have; they are not news, and keep their age. The revision alone does not
    // tell: a store that was lost counts from 1 again.
    const storedAt = message.info.timestampNanos;
    if (before?.revision === message.seq && before.storedAt === storedAt) return;
    const value = this.#parse(key, message);
    if (value === undefined) return;
    this.#entries.set(key, { value, revision: message.seq, receivedAt: performance.now(), storedAt });
    if (this.#synced) this.#options.onChange?.({ key, value });
  }

  #parse(key: string, message: JsMsg): T | undefined {
    try {
      const value = this.#bucket.value.parse(message.json());
      this.#invalid.delete(key);
      return value;
    } catch (error) {
      this.#invalid.set(key, message.seq);
      this.#bus.logger.error({ err: error, bucket: this.#bucket.name, key, revision: message.seq }, 'kv-view.invalid');
      return undefined;
    }
  }

  #completeSnapshot(seen: ReadonlySet<string>): void {
    for (const known of [this.#entries, this.#deleted, this.#invalid]) {
      for (const key of [...known.keys()]) if (!seen.has(key)) known.delete(key);
    }
    this.#synced = true;
    this.#syncedAt = performance.now();
    this.#firstSync.resolve();
    this.#options.onChange?.(undefined);
  }
}
