import { DeliverPolicy, type JsMsg } from '@nats-io/jetstream';
import type { BucketDefinition } from '@slipway/contracts';
import type { Bus } from './bus.ts';

export interface ViewEntry<T> {
  readonly value: T;
  readonly revision: number;
  /** When this revision first came here, by this process's monotonic clock (`performance.now()`), for clocks differ. */
  readonly receivedAt: number;
}

export interface KvViewOptions<T> {
  /** NATS subject pattern over the keys; default all. */
  readonly filter?: string;
  /** After each change that comes once the first snapshot is complete, and after each complete snapshot (no key). */
  readonly onChange?: (change: { readonly key: string; readonly value: T | undefined } | undefined) => void;
}

const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5_000;

/**
 * A bucket (or part of it) held in memory: a complete snapshot, then every change with no gap between. After a
 * reconnect it takes a new snapshot, and only when that is complete are keys that are gone dropped.
 */
export class KvView<T> {
  readonly #bus: Bus;
  readonly #bucket: BucketDefinition<T>;
  readonly #options: KvViewOptions<T>;
  readonly #entries = new Map<string, ViewEntry<T>>();
  readonly #invalid = new Map<string, number>();
  readonly #firstSync = Promise.withResolvers<void>();
  #restart = new AbortController();
  #synced = false;
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

  /** Connected, and complete since. False means: what is here may be old, and what is missing may exist. */
  get fresh(): boolean {
    return this.#synced && this.#bus.connected;
  }

  /** Keys whose newest record does not parse; their last valid value, if any, is still in `entries`. */
  get invalidKeys(): ReadonlySet<string> {
    return new Set(this.#invalid.keys());
  }

  close(): void {
    this.#closed = true;
    this.#stopListening();
    this.#restart.abort();
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
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }

  async #follow(restart: AbortSignal, onSynced: () => void): Promise<void> {
    const prefix = `$KV.${this.#bucket.name}.`;
    const consumer = await this.#bus.js.consumers.getPushConsumer(`KV_${this.#bucket.name}`, {
      deliver_policy: DeliverPolicy.LastPerSubject,
      filter_subjects: `${prefix}${this.#options.filter ?? '>'}`,
    });
    const seen = new Set<string>();
    const complete = (): void => {
      this.#completeSnapshot(seen);
      onSynced();
    };
    const { num_pending: pending } = await consumer.info(true);
    const messages = await consumer.consume();
    const stop = (): void => messages.stop();
    restart.addEventListener('abort', stop, { once: true });
    try {
      if (restart.aborted) return;
      if (pending === 0) complete();
      for await (const message of messages) {
        const key = message.subject.slice(prefix.length);
        this.#apply(key, message, seen);
        // `pending` of the message counts what the server still has for us, so 0 ends the snapshot even when
        // keys were overwritten while it was sent.
        if (!this.#synced && message.info.pending === 0) complete();
      }
    } finally {
      restart.removeEventListener('abort', stop);
      messages.stop();
    }
    if (!restart.aborted && !this.#closed) throw new Error('the watch ended');
  }

  #apply(key: string, message: JsMsg, seen: Set<string>): void {
    const operation = message.headers?.get('KV-Operation');
    if (operation === 'DEL' || operation === 'PURGE') {
      seen.delete(key);
      this.#invalid.delete(key);
      if (this.#entries.delete(key) && this.#synced) this.#options.onChange?.({ key, value: undefined });
      return;
    }
    seen.add(key);
    const before = this.#entries.get(key);
    // A new snapshot brings revisions that we have; they are not news, and keep their age.
    if (before?.revision === message.seq) return;
    const value = this.#parse(key, message);
    if (value === undefined) return;
    this.#entries.set(key, { value, revision: message.seq, receivedAt: performance.now() });
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
    for (const key of [...this.#entries.keys()]) if (!seen.has(key)) this.#entries.delete(key);
    for (const key of [...this.#invalid.keys()]) if (!seen.has(key)) this.#invalid.delete(key);
    this.#synced = true;
    this.#firstSync.resolve();
    this.#options.onChange?.(undefined);
  }
}
