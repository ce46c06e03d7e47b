import type { Bus } from './bus.ts';
import { followStored, type HeardRecord, nextStored, type StoredRecord } from './stored-records.ts';

/** Sequences that one chain of requests reads, and how many chains are under way at one time. */
const CHUNK = 128;
const CHUNKS = 32;
/**
 * What came before it was its turn is kept up to this, and beyond read from the stream when its turn comes, which takes
 * several times as long: on a busy machine an answer can take seconds, and meanwhile all that is stored comes early.
 */
const MAX_EARLY_BYTES = 64 * 1024 * 1024;
/** What a short record takes beside its payload. */
const RECORD_OVERHEAD_BYTES = 256;

export interface SequenceListener {
  readonly onRestart: () => void;
  readonly onCaughtUp: () => void;
}

/** What a stream has of some sequences. */
interface Chunk {
  readonly records: readonly StoredRecord[];
  /** The stream has nothing between the last of them and this sequence. */
  readonly next: number;
}

/**
 * All that a stream holds and will hold, each record once and in order. What is heard as it is stored is taken when it is
 * the next; whatever is missing before it is read from the stream.
 */
export class StoredSequence {
  readonly #bus: Bus;
  readonly #stream: string;
  readonly #deliver: (record: StoredRecord) => void;
  readonly #early = new Map<number, HeardRecord>();
  #earlyBytes = 0;
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
    let failure: { readonly reason: unknown } | undefined;
    const following = followStored(this.#bus, this.#stream, '>', (record) => {
      if (!signal.aborted) this.#hear(record);
    });
    // One reaction each, for what is awaited anew at every wait would keep something for each of them.
    following.failed.catch((reason: unknown) => {
      failure = { reason };
      this.#wake();
    });
    signal.addEventListener('abort', () => this.#wake(), { once: true });
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
        if (failure !== undefined) throw failure.reason;
        if (signal.aborted || this.#next <= this.#last) continue;
        this.#reading = false;
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wake = resolve;
        await promise;
      }
    } finally {
      following.stop();
    }
  }

  #hear(record: HeardRecord): void {
    if (record.sequence < this.#next) return;
    this.#last = Math.max(this.#last, record.sequence);
    if (!this.#reading && record.sequence === this.#next) {
      this.#next++;
      this.#deliver(record);
      return;
    }
    const size = sizeOf(record);
    if (this.#earlyBytes + size <= MAX_EARLY_BYTES) {
      this.#early.set(record.sequence, record);
      this.#earlyBytes += size;
    }
    this.#reading = true;
    this.#wake();
  }

  async #readUpTo(last: number, signal: AbortSignal): Promise<void> {
    const under: { readonly end: number; readonly chunk: Promise<Chunk> }[] = [];
    let start = this.#next;
    while (!signal.aborted && this.#next <= last) {
      this.#takeEarly();
      start = Math.max(start, this.#next);
      while (under.length < CHUNKS && start <= last) {
        const gap = this.#gapFrom(start, last);
        if (gap === undefined) break;
        const chunk = this.#readChunk(gap.start, gap.end);
        chunk.catch(() => undefined);
        under.push({ end: gap.end, chunk });
        start = gap.end + 1;
      }
      const oldest = under.shift();
      if (oldest === undefined) break;
      const { records, next } = await oldest.chunk;
      if (signal.aborted) return;
      this.#takeUpTo(Math.max(oldest.end, Math.min(next - 1, last)), records);
    }
    this.#takeEarly();
  }

  /** The first sequences from `from` on that have not been heard, one chunk at most. */
  #gapFrom(from: number, last: number): { readonly start: number; readonly end: number } | undefined {
    let start = from;
    while (start <= last && this.#early.has(start)) start++;
    if (start > last) return undefined;
    let end = start;
    while (end < last && end - start + 1 < CHUNK && !this.#early.has(end + 1)) end++;
    return { start, end };
  }

  /** What is there of these sequences; limits may have taken any of them away. */
  async #readChunk(start: number, end: number): Promise<Chunk> {
    const records: StoredRecord[] = [];
    for (let sequence = start; sequence <= end; ) {
      const record = await nextStored(this.#bus, this.#stream, sequence, '>');
      if (record === undefined) return { records, next: Number.POSITIVE_INFINITY };
      if (record.sequence > end) return { records, next: record.sequence };
      records.push(record);
      sequence = record.sequence + 1;
    }
    return { records, next: end + 1 };
  }

  /** What was heard counts as well: limits may have taken it from the stream since. */
  #takeUpTo(end: number, records: readonly StoredRecord[]): void {
    const found = new Map(records.map((record) => [record.sequence, record]));
    // A quiet source's old line can be millions of sequences before the next: then only what is there is gone through.
    if (end - this.#next > this.#early.size) {
      for (const [sequence, record] of this.#early) if (sequence <= end) found.set(sequence, record);
      for (const sequence of [...found.keys()].toSorted((a, b) => a - b)) this.#takeOne(sequence, found.get(sequence));
    } else {
      for (let sequence = this.#next; sequence <= end; sequence++) {
        this.#takeOne(sequence, this.#early.get(sequence) ?? found.get(sequence));
      }
    }
    this.#next = Math.max(this.#next, end + 1);
  }

  #takeOne(sequence: number, record: StoredRecord | undefined): void {
    this.#forgetEarly(sequence);
    if (record === undefined || sequence < this.#next) return;
    this.#next = sequence + 1;
    this.#deliver(record);
  }

  #takeEarly(): void {
    for (let record = this.#early.get(this.#next); record !== undefined; record = this.#early.get(this.#next)) {
      this.#takeOne(this.#next, record);
    }
  }

  #forgetEarly(sequence: number): void {
    const record = this.#early.get(sequence);
    if (record === undefined) return;
    this.#early.delete(sequence);
    this.#earlyBytes -= sizeOf(record);
  }
}

const sizeOf = (record: HeardRecord): number => record.bytes + RECORD_OVERHEAD_BYTES;
