import { type KV, Kvm } from '@nats-io/kv';
import type { BucketDefinition } from '@slipway/contracts';
import type { Bus } from './bus.ts';
import { BusError } from './bus-error.ts';
import { isApiError } from './ensure-stream.ts';

// Who writes over a record that changed gets one of these; the second when the server cannot tell the sequence.
const WRONG_LAST_SEQUENCE = [10_071, 10_164] as const;
const isConflict = (error: unknown): boolean => WRONG_LAST_SEQUENCE.some((code) => isApiError(error, code));

export interface KvRecord<T> {
  readonly value: T;
  readonly revision: number;
}

/** Typed access to one bucket. Values are checked against the bucket's schema both ways. */
export class KvStore<T> {
  readonly #kv: KV;
  readonly #bucket: BucketDefinition<T>;

  private constructor(kv: KV, bucket: BucketDefinition<T>) {
    this.#kv = kv;
    this.#bucket = bucket;
  }

  static async open<T>(bus: Bus, bucket: BucketDefinition<T>): Promise<KvStore<T>> {
    const kv = await new Kvm(bus.js).open(bucket.name, { bindOnly: true, allow_direct: true });
    return new KvStore(kv, bucket);
  }

  /** Undefined when there is none. Throws BusError BUS_RECORD_INVALID when it does not parse. */
  async get(key: string): Promise<KvRecord<T> | undefined> {
    const entry = await this.#kv.get(key);
    if (entry === null || entry.operation !== 'PUT') return undefined;
    try {
      return { value: this.#bucket.value.parse(entry.json()), revision: entry.revision };
    } catch (cause) {
      const message = `record ${key} of ${this.#bucket.name} is not valid`;
      throw new BusError('BUS_RECORD_INVALID', message, { cause });
    }
  }

  /** Writes whatever was there. Returns the revision. */
  async put(key: string, value: T): Promise<number> {
    return this.#kv.put(key, this.#encode(value));
  }

  /** Writes only when there is none. Undefined when there is one. */
  async create(key: string, value: T): Promise<number | undefined> {
    return await this.#unlessConflict(this.#kv.create(key, this.#encode(value)));
  }

  /** Writes only over `revision`. Undefined when the record is another by now. */
  async update(key: string, value: T, revision: number): Promise<number | undefined> {
    return await this.#unlessConflict(this.#kv.update(key, this.#encode(value), revision));
  }

  /** Deletes, when `revision` is given only that one; false when the record is another by now. */
  async delete(key: string, revision?: number): Promise<boolean> {
    try {
      await this.#kv.delete(key, revision === undefined ? {} : { previousSeq: revision });
      return true;
    } catch (error) {
      if (isConflict(error)) return false;
      throw error;
    }
  }

  #encode(value: T): string {
    return JSON.stringify(this.#bucket.value.parse(value));
  }

  async #unlessConflict(write: Promise<number>): Promise<number | undefined> {
    try {
      return await write;
    } catch (error) {
      if (isConflict(error)) return undefined;
      throw error;
    }
  }
}
