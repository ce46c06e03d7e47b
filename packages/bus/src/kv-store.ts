import { type KV, Kvm } from '@nats-io/kv';
import type { BucketDefinition } from '@slipway/contracts';
import type { Bus } from './bus.ts';
import { BusError } from './bus-error.ts';
import { isApiError } from './ensure-stream.ts';

const WRONG_LAST_SEQUENCE = 10_071;

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
    const parsed = this.#bucket.value.safeParse(entry.json());
    if (!parsed.success) {
      throw new BusError('BUS_RECORD_INVALID', 'invalid', `record ${key} of ${this.#bucket.name} is not valid`, {
        cause: parsed.error,
      });
    }
    return { value: parsed.data, revision: entry.revision };
  }

  /** Writes whatever was there. Returns the revision. */
  put(key: string, value: T): Promise<number> {
    return this.#kv.put(key, this.#encode(value));
  }

  /** Writes only when there is none. Undefined when there is one. */
  create(key: string, value: T): Promise<number | undefined> {
    return this.#unlessConflict(this.#kv.create(key, this.#encode(value)));
  }

  /** Writes only over `revision`. Undefined when the record is another by now. */
  update(key: string, value: T, revision: number): Promise<number | undefined> {
    return this.#unlessConflict(this.#kv.update(key, this.#encode(value), revision));
  }

  /** Deletes, when `revision` is given only that one; false when the record is another by now. */
  async delete(key: string, revision?: number): Promise<boolean> {
    try {
      await this.#kv.delete(key, revision === undefined ? {} : { previousSeq: revision });
      return true;
    } catch (error) {
      if (isApiError(error, WRONG_LAST_SEQUENCE)) return false;
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
      if (isApiError(error, WRONG_LAST_SEQUENCE)) return undefined;
      throw error;
    }
  }
}
