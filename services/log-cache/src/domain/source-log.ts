import type { EnvelopeType, StoredEnvelope } from './envelope.ts';

/** What an entry costs beside its text: the object, its bigint and its place in the array. */
const ENTRY_BYTES = 96;

export interface ReadRange {
  /** Inclusive. */
  readonly startTime: bigint;
  /** Exclusive; undefined: to the newest. */
  readonly endTime: bigint | undefined;
  readonly limit: number;
  readonly descending: boolean;
  /** Undefined: all. */
  readonly types: ReadonlySet<EnvelopeType> | undefined;
}

export const sizeOf = (envelope: StoredEnvelope): number => envelope.json.length + ENTRY_BYTES;

/**
 * The envelopes of one source, oldest first, no two of the same time: clients read on from the last time plus one
 * nanosecond, so that of two equal times split by a page the second would be lost.
 */
export class SourceLog {
  /** Sorted; those before `#head` are gone. */
  #entries: (StoredEnvelope | undefined)[] = [];
  #head = 0;
  #bytes = 0;

  get count(): number {
    return this.#entries.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get oldest(): StoredEnvelope | undefined {
    return this.#entries[this.#head];
  }

  get newest(): StoredEnvelope | undefined {
    return this.count === 0 ? undefined : this.#entries.at(-1);
  }

  /** Adds an envelope at its time, or at the next free nanosecond after it. Returns its size. */
  insert(timestamp: bigint, type: EnvelopeType, render: (timestamp: bigint) => string): number {
    const first = this.#indexOf(timestamp);
    const free = this.#endOfRun(first, timestamp);
    const unique = timestamp + BigInt(free - first);
    const envelope: StoredEnvelope = { timestamp: unique, type, json: render(unique) };
    // Nearly all come in order: a plain push.
    if (free === this.#entries.length) this.#entries.push(envelope);
    else this.#entries.splice(free, 0, envelope);
    const size = sizeOf(envelope);
    this.#bytes += size;
    return size;
  }

  /** Drops the oldest envelope and returns its size; 0 when there is none. */
  dropOldest(): number {
    const envelope = this.oldest;
    if (envelope === undefined) return 0;
    this.#entries[this.#head] = undefined;
    this.#head++;
    // Moving the rest down each time would cost as much as there is; half empty it pays.
    if (this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    const size = sizeOf(envelope);
    this.#bytes -= size;
    return size;
  }

  /** In the range's order: the oldest, or when descending the newest, that fit its limit. */
  *read(range: ReadRange): Generator<StoredEnvelope, void, undefined> {
    const from = this.#indexOf(range.startTime);
    const to = range.endTime === undefined ? this.#entries.length : this.#indexOf(range.endTime);
    let left = range.limit;
    for (let step = 0; step < to - from && left > 0; step++) {
      const envelope = this.#entries[range.descending ? to - 1 - step : from + step];
      if (envelope === undefined || range.types?.has(envelope.type) === false) continue;
      left--;
      yield envelope;
    }
  }

  /** The first index whose time is not before `timestamp`. */
  #indexOf(timestamp: bigint): number {
    return this.#firstIndex(this.#head, (envelope) => envelope.timestamp >= timestamp);
  }

  /** The first index from `first` on whose time is not `timestamp`, `timestamp` + 1 and so on. */
  #endOfRun(first: number, timestamp: bigint): number {
    return this.#firstIndex(first, (envelope, index) => envelope.timestamp > timestamp + BigInt(index - first));
  }

  /** Binary search: `holds` is false up to an index and true from there on. */
  #firstIndex(low: number, holds: (envelope: StoredEnvelope, index: number) => boolean): number {
    let from = low;
    let to = this.#entries.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const envelope = this.#entries[middle];
      if (envelope !== undefined && holds(envelope, middle)) to = middle;
      else from = middle + 1;
    }
    return from;
  }
}
