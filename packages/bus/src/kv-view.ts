import type { BucketDefinition } from '@slipway/contracts';
import type { Bus } from './bus.ts';
import { SeenRevisions } from './seen-revisions.ts';
import { followStored, nextStored, type StoredRecord, storedRecord } from './stored-records.ts';

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
const CATCH_UP_TIMEOUT_MS = 5_000;
/** Keys of a snapshot that are asked for at one time. */
const SNAPSHOT_REQUESTS = 64;

/** One reading of the bucket, from its snapshot on. */
interface Reading {
  /** The stream's creation time: with the revision it names one record, also after the store was lost. */
  readonly store: string;
  readonly restart: AbortSignal;
  readonly seen: SeenRevisions;
}

interface StoredEntry<T> extends ViewEntry<T> {
  readonly store: string;
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
  #reading: Reading | undefined;
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
    const reading = this.#reading;
    if (reading === undefined) return false;
    const over = (): boolean => this.#reading !== reading || !this.fresh;
    await this.#waitUntil(() => reading.seen.reached(revision) || over(), timeoutMs);
    return !over() && reading.seen.reached(revision);
  }

  /**
   * Takes in all that the bucket holds now. False when that cannot be told in time: then the view is read anew, for its
   * stream may have been replaced without a word.
   */
  async catchUp(timeoutMs: number = CATCH_UP_TIMEOUT_MS): Promise<boolean> {
    const reading = this.#reading;
    if (reading === undefined || !this.fresh) return false;
    const deadline = performance.now() + timeoutMs;
    const over = (): boolean => this.#reading !== reading || !this.fresh;
    try {
      const { created, state } = await this.#bus.jsm.streams.info(this.#stream);
      // What is written from now on is not waited for, or under steady writing this would never end.
      while (created === reading.store && !over() && performance.now() < deadline) {
        if (this.#revision >= state.last_seq) return true;
        const next = await nextStored(this.#bus, this.#stream, this.#revision + 1, this.#subjects);
        if (over()) return false;
        // None: what came after was of no key of this view, or is gone again.
        if (next === undefined) return true;
        this.#take(reading, next);
      }
    } catch (error) {
      this.#bus.logger.warn({ err: error, bucket: this.#bucket.name }, 'kv-view.catch-up-failed');
    }
    if (this.#reading === reading) this.#restart.abort();
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
        this.#reading = undefined;
        this.#wake();
      }
    }
  }

  get #stream(): string {
    return `KV_${this.#bucket.name}`;
  }

  get #prefix(): string {
    return `$KV.${this.#bucket.name}.`;
  }

  get #subjects(): string {
    return `${this.#prefix}${this.#options.filter ?? '>'}`;
  }

  async #follow(restart: AbortSignal, onSynced: () => void): Promise<void> {
    this.#generation = this.#bus.generation;
    // Sequences start anew in a stream that was made anew.
    this.#revision = 0;
    const store = this.#bus.createdAt(this.#stream);
    if (store === undefined) throw new Error(`${this.#stream} is not among the streams of this service`);
    const reading: Reading = { store, restart, seen: new SeenRevisions() };
    this.#reading = reading;
    // First of all what comes from now on, so that nothing falls between.
    const following = followStored(this.#bus, this.#stream, this.#subjects, (record) => {
      if (!restart.aborted) this.#take(reading, record);
    });
    const ended = Promise.withResolvers<void>();
    restart.addEventListener('abort', () => ended.resolve(), { once: true });
    try {
      await this.#bus.nc.flush();
      const last = await this.#readSnapshot(reading);
      if (restart.aborted) return;
      this.#revision = Math.max(this.#revision, last);
      reading.seen.raise(last);
      this.#completeSnapshot(reading);
      onSynced();
      this.#wake();
      await Promise.race([ended.promise, following.failed]);
    } finally {
      following.stop();
    }
  }

  /** Reads every key that the bucket holds at one moment, those with a deletion marker too. Returns its last revision. */
  async #readSnapshot(reading: Reading): Promise<number> {
    const { created, state } = await this.#bus.jsm.streams.info(this.#stream, { subjects_filter: this.#subjects });
    // The bus finds out that it is another, and then has it read anew.
    if (created !== reading.store) throw new Error(`${this.#stream} was replaced`);
    const subjects = Object.keys(state.subjects ?? {}).values();
    const read = async (): Promise<void> => {
      for (const subject of subjects) {
        if (reading.restart.aborted) return;
        const found = await this.#bus.jsm.streams.getMessage(this.#stream, { last_by_subj: subject });
        // Expired or taken away in between.
        if (found !== null && !reading.restart.aborted) this.#apply(reading, storedRecord(found));
      }
    };
    await Promise.all(Array.from({ length: SNAPSHOT_REQUESTS }, read));
    return state.last_seq;
  }

  /** A record that came after the snapshot began; those of one key in the order of the stream. */
  #take(reading: Reading, record: StoredRecord): void {
    this.#revision = Math.max(this.#revision, record.sequence);
    this.#apply(reading, record);
    if (this.#synced) reading.seen.prune();
    this.#wake();
  }

  #apply({ store, seen }: Reading, record: StoredRecord): void {
    const key = record.subject.slice(this.#prefix.length);
    const revision = record.sequence;
    const deleted = record.operation === 'DEL' || record.operation === 'PURGE';
    if (!seen.add(key, revision, deleted)) return;
    if (deleted) {
      this.#invalid.delete(key);
      if (this.#options.trackDeleted === true && this.#deleted.get(key)?.revision !== revision) {
        this.#deleted.set(key, { revision, receivedAt: performance.now() });
      }
      if (this.#entries.delete(key) && this.#synced) this.#tell({ key, value: undefined });
      return;
    }
    this.#deleted.delete(key);
    const before = this.#entries.get(key);
    // A new snapshot brings records that we have; they are not news, and keep their age.
    if (before?.revision === revision && before.store === store) return;
    const value = this.#parse(key, record);
    if (value === undefined) return;
    this.#entries.set(key, { value, revision, receivedAt: performance.now(), store });
    if (this.#synced) this.#tell({ key, value });
  }

  #parse(key: string, record: StoredRecord): T | undefined {
    try {
      const value = this.#bucket.value.parse(record.json());
      this.#invalid.delete(key);
      return value;
    } catch (error) {
      this.#invalid.set(key, record.sequence);
      const at = { bucket: this.#bucket.name, key, revision: record.sequence };
      this.#bus.logger.error({ err: error, ...at }, 'kv-view.invalid');
      return undefined;
    }
  }

  #tell(change: Parameters<NonNullable<KvViewOptions<T>['onChange']>>[0]): void {
    try {
      this.#options.onChange?.(change);
    } catch (error) {
      // Reading anew would only come to the same change again.
      this.#bus.logger.error({ err: error, bucket: this.#bucket.name, key: change?.key }, 'kv-view.listener-failed');
    }
  }

  #completeSnapshot({ seen }: Reading): void {
    for (const known of [this.#entries, this.#deleted, this.#invalid]) {
      for (const key of [...known.keys()]) if (!seen.has(key)) known.delete(key);
    }
    this.#synced = true;
    this.#syncedAt = performance.now();
    this.#firstSync.resolve();
    this.#tell(undefined);
  }
}
