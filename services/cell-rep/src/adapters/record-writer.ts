import { setTimeout as delay } from 'node:timers/promises';
import type { KvStore } from '@slipway/bus';
import type { Logger } from '@slipway/service-kit';

const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5_000;
/** Within this a view of the bucket has seen what was acknowledged, or is not fresh. */
const SETTLED_MS = 5_000;

interface Target<T> {
  readonly store: Pick<KvStore<T>, 'put' | 'delete'>;
  /** What is written into a lost connection only times out. */
  readonly ready: () => boolean;
}

interface Slot<T> {
  /** Undefined: it shall be gone. */
  wanted: T | undefined;
  version: number;
  acknowledged: number;
  /** `performance.now()`. */
  acknowledgedAt: number;
  writing: boolean;
  readonly waiting: Set<() => void>;
}

/** What names a record. */
export interface RecordNames<T> {
  readonly guidOf: (record: T) => string;
  readonly keyOf: (guid: string) => string;
}

/**
 * Writes this cell's records of instances, or of tasks: for each, the newest state wins, and it is written until NATS has it. Nobody
 * else writes them, so there is nothing to compare with.
 */
export class RecordWriter<T> {
  readonly #names: RecordNames<T>;
  readonly #logger: Logger;
  readonly #slots = new Map<string, Slot<T>>();
  readonly #closing = new AbortController();
  #target: Target<T> | undefined;
  #retryNow = new AbortController();

  constructor(names: RecordNames<T>, logger: Logger) {
    this.#names = names;
    this.#logger = logger;
  }

  /** What was set so far is written from now on. */
  attach(store: Target<T>['store'], ready: () => boolean): void {
    this.#target = { store, ready };
    for (const guid of this.#slots.keys()) this.#kick(guid);
  }

  set(record: T): void {
    this.#want(this.#names.guidOf(record), record);
  }

  /** The bucket is seen with another record: sets this one again, unless it was written only just now. */
  repair(record: T): void {
    const slot = this.#slots.get(this.#names.guidOf(record));
    const underWay = slot !== undefined && slot.acknowledged !== slot.version;
    if (underWay || performance.now() - (slot?.acknowledgedAt ?? Number.NEGATIVE_INFINITY) < SETTLED_MS) return;
    this.set(record);
  }

  remove(guid: string): void {
    this.#want(guid, undefined);
  }

  /** Writes all again: NATS may have lost them. */
  republish(): void {
    this.#retryNow.abort();
    this.#retryNow = new AbortController();
    for (const [guid, slot] of this.#slots) {
      slot.version++;
      this.#kick(guid);
    }
  }

  /** Resolves when NATS has what was last set; rejects with the signal's reason. */
  async settled(guid: string, signal: AbortSignal): Promise<void> {
    const slot = this.#slots.get(guid);
    if (slot === undefined || slot.acknowledged === slot.version) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = (): void => reject(signal.reason as Error);
    signal.throwIfAborted();
    signal.addEventListener('abort', abort, { once: true });
    slot.waiting.add(resolve);
    try {
      await promise;
    } finally {
      slot.waiting.delete(resolve);
      signal.removeEventListener('abort', abort);
    }
  }

  /** Resolves when NATS has everything; rejects with the signal's reason. */
  async allSettled(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#slots.keys()].map((guid) => this.settled(guid, signal)));
  }

  close(): void {
    this.#closing.abort();
    this.#retryNow.abort();
  }

  #want(guid: string, wanted: T | undefined): void {
    const slot = this.#slots.get(guid) ?? {
      wanted,
      version: 0,
      acknowledged: 0,
      acknowledgedAt: Number.NEGATIVE_INFINITY,
      writing: false,
      waiting: new Set(),
    };
    slot.wanted = wanted;
    slot.version++;
    this.#slots.set(guid, slot);
    this.#kick(guid);
  }

  #kick(guid: string): void {
    const slot = this.#slots.get(guid);
    if (slot === undefined || slot.writing || this.#target === undefined) return;
    void this.#write(guid, slot, this.#target);
  }

  async #write(guid: string, slot: Slot<T>, { store, ready }: Target<T>): Promise<void> {
    const key = this.#names.keyOf(guid);
    let failures = 0;
    slot.writing = true;
    while (slot.acknowledged !== slot.version && !this.#closing.signal.aborted) {
      if (!ready()) {
        await this.#pause(RETRY_MAX_MS);
        continue;
      }
      const { version, wanted } = slot;
      try {
        if (wanted === undefined) await store.delete(key);
        else await store.put(key, wanted);
        failures = 0;
        slot.acknowledged = version;
        slot.acknowledgedAt = performance.now();
      } catch (error) {
        failures++;
        const wait = Math.min(RETRY_MIN_MS * 2 ** failures, RETRY_MAX_MS);
        this.#logger.warn({ err: error, key, failures, wait }, 'record.retry');
        await this.#pause(wait);
      }
    }
    // From here on without a pause, or a change could slip in between and be written by nobody.
    slot.writing = false;
    if (slot.acknowledged !== slot.version) return;
    if (slot.wanted === undefined) this.#slots.delete(guid);
    for (const resolve of slot.waiting) resolve();
  }

  async #pause(ms: number): Promise<void> {
    // Rejects only when it is cut short, which is what was wanted.
    await delay(ms, undefined, { signal: this.#retryNow.signal, ref: false }).catch(() => undefined);
  }
}
