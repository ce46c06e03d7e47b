import type { Bus } from './bus.ts';
import { followStored, nextStored, type StoredRecord } from './stored-records.ts';

/** Sequences that one chain of requests reads, and how many chains are under way at one time. */
const CHUNK = 128;
const CHUNKS = 32;
/** Records kept that came before it was their turn; what is beyond is read from the stream when its turn comes. */
const MAX_EARLY = 10_000;

export interface SequenceListener {
  readonly onRestart: () => void;
  readonly onCaughtUp: () => void;
}

/**
 * All that a stream holds and will hold, each record once and in order. What is heard as it is stored is taken when it is
 * the next; whatever is missing before it is read from the stream.
 */
export class StoredSequence {
  readonly #bus: Bus;
  readonly #stream: string;
  readonly #deliver: (record: StoredRecord) => void;
  readonly #early = new Map<number, StoredRecord>();
  #next = 1;
  /** The highest sequence that is known to exist, or to have existed. */
  #last = 0;
  #wake: () => void = () => undefined;
  #reading = true;

  constructor(bus: Bus, stream: string, deliver: (record: StoredRecord) => void) {
    this.#bus = bus;
    this.#stream = stream;
    this.#deliver = deliver;
  }

  /** Until the signal; throws when it cannot go on. */
  async follow(signal: AbortSignal, listener: SequenceListener): Promise<void> {
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    const following = followStored(this.#bus, this.#stream, '>', (record) => {
      if (!signal.aborted) this.#hear(record);
    });
    try {
      await this.#bus.nc.flush();
      const { created, state } = await this.#bus.jsm.streams.info(this.#stream);
      if (signal.aborted) return;
      // The bus finds out that it is another, and then has it read anew.
      if (created !== this.#bus.createdAt(this.#stream)) throw new Error(`${this.#stream} was replaced`);
      listener.onRestart();
      this.#next = Math.max(state.first_seq, 1);
      this.#last = Math.max(this.#last, state.last_seq);
      await this.#readUpTo(state.last_seq, signal);
      if (signal.aborted) return;
      listener.onCaughtUp();
      while (!signal.aborted) {
        await this.#readUpTo(this.#last, signal);
        if (this.#next <= this.#last) continue;
        this.#reading = false;
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wake = resolve;
        await Promise.race([promise, aborted, following.failed]);
      }
    } finally {
      following.stop();
    }
  }

  #hear(record: StoredRecord): void {
    if (record.sequence < this.#next) return;
    this.#last = Math.max(this.#last, record.sequence);
    if (!this.#reading && record.sequence === this.#next) {
      this.#next++;
      this.#deliver(record);
      return;
    }
    if (this.#early.size < MAX_EARLY) this.#early.set(record.sequence, record);
    this.#reading = true;
    this.#wake();
  }

  async #readUpTo(last: number, signal: AbortSignal): Promise<void> {
    const under: { readonly end: number; readonly records: Promise<readonly StoredRecord[]> }[] = [];
    let start = this.#next;
    while (!signal.aborted && this.#next <= last) {
      this.#takeEarly();
      start = Math.max(start, this.#next);
      while (under.length < CHUNKS && start <= last) {
        const end = Math.min(start + CHUNK - 1, last);
        const records = this.#readChunk(start, end);
        records.catch(() => undefined);
        under.push({ end, records });
        start = end + 1;
      }
      const chunk = under.shift();
      if (chunk === undefined) return;
      const records = await chunk.records;
      if (signal.aborted) return;
      this.#takeChunk(records, chunk.end);
    }
    this.#takeEarly();
  }

  /** What is there of these sequences; limits may have taken any of them away. */
  async #readChunk(start: number, end: number): Promise<readonly StoredRecord[]> {
    const records: StoredRecord[] = [];
    for (let sequence = start; sequence <= end; ) {
      const record = await nextStored(this.#bus, this.#stream, sequence, '>');
      if (record === undefined || record.sequence > end) break;
      records.push(record);
      sequence = record.sequence + 1;
    }
    return records;
  }

  /** What was heard counts as well: limits may have taken it from the stream since. */
  #takeChunk(records: readonly StoredRecord[], end: number): void {
    const read = new Map(records.map((record) => [record.sequence, record]));
    for (; this.#next <= end; this.#next++) {
      const record = this.#early.get(this.#next) ?? read.get(this.#next);
      this.#early.delete(this.#next);
      if (record !== undefined) this.#deliver(record);
    }
  }

  #takeEarly(): void {
    for (let record = this.#early.get(this.#next); record !== undefined; record = this.#early.get(this.#next)) {
      this.#early.delete(this.#next);
      this.#next++;
      this.#deliver(record);
    }
  }
}
