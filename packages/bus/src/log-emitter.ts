import { type LogEnvelope, logEnvelope } from '@slipway/contracts';
import type { Bus } from './bus.ts';
import { emitMessage } from './publish.ts';

// How much waits while NATS is away; beyond it lines are counted instead of kept. Both bounds hold, for 10,000 of the
// longest lines would be most of a gigabyte.
const MAX_WAITING = 10_000;
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** Diego's longest message; a longer line comes in pieces. */
const MAX_PAYLOAD_BYTES = 61_440;

export interface LogLine {
  readonly sourceId: string;
  readonly instanceId?: string;
  readonly sourceType: string;
  readonly stream?: 'OUT' | 'ERR';
  readonly line: string | Uint8Array;
  /** Nanoseconds; default now. */
  readonly timestamp?: bigint;
  readonly tags?: Readonly<Record<string, string>>;
  /** When the line stands for lines that were not kept. */
  readonly dropped?: { readonly lines: number; readonly bytes: number };
}

interface Dropped {
  readonly envelope: LogEnvelope;
  lines: number;
  bytes: number;
}

/**
 * Sends log lines in the order of their coming. While NATS is away they wait, and what does not fit is replaced by a
 * line for each instance that says how much.
 */
export class LogEmitter {
  readonly #bus: Bus;
  readonly #dropped = new Map<string, Dropped>();
  readonly #stopListening: () => void;
  #waiting: LogEnvelope[] = [];
  #waitingBytes = 0;

  constructor(bus: Bus) {
    this.#bus = bus;
    this.#stopListening = bus.onReset(() => this.#flush());
  }

  emit(line: LogLine): void {
    const bytes = typeof line.line === 'string' ? Buffer.from(line.line) : Buffer.from(line.line);
    const timestamp = line.timestamp ?? nowNanoseconds();
    const dropped = this.#dropped.get(originOf(line.sourceId, line.instanceId ?? '0'));
    let piece = 0;
    do {
      const start = piece * MAX_PAYLOAD_BYTES;
      const payload = bytes.subarray(start, start + MAX_PAYLOAD_BYTES).toString('base64');
      const envelope: LogEnvelope = {
        timestamp: (timestamp + BigInt(piece)).toString(),
        sourceId: line.sourceId,
        instanceId: line.instanceId ?? '0',
        sourceType: line.sourceType,
        stream: line.stream ?? 'OUT',
        payload,
        tags: { ...line.tags },
        ...(line.dropped === undefined ? {} : { dropped: line.dropped }),
      };
      // Not past what still waits, or lines would change places.
      if (this.#bus.ready && this.#waiting.length === 0 && dropped === undefined) {
        emitMessage(this.#bus, logEnvelope, envelope);
      } else this.#keep(envelope);
      piece++;
    } while (piece * MAX_PAYLOAD_BYTES < bytes.length);
  }

  close(): void {
    this.#stopListening();
  }

  #keep(envelope: LogEnvelope): void {
    const key = originOf(envelope.sourceId, envelope.instanceId);
    const dropped = this.#dropped.get(key);
    const size = envelope.payload.length;
    const fits = this.#waiting.length < MAX_WAITING && this.#waitingBytes + size <= MAX_WAITING_BYTES;
    // Once a line of an instance is dropped, so are its next ones: a gap has one place and one count.
    if (fits && dropped === undefined) {
      this.#waiting.push(envelope);
      this.#waitingBytes += size;
      return;
    }
    const entry = dropped ?? { envelope, lines: 0, bytes: 0 };
    entry.lines++;
    entry.bytes += Buffer.byteLength(envelope.payload, 'base64');
    this.#dropped.set(key, entry);
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const envelope of waiting) emitMessage(this.#bus, logEnvelope, envelope);
    for (const { envelope, lines, bytes } of this.#dropped.values()) {
      const text = `${lines} log lines (${bytes} bytes) were dropped while the log stream was unreachable`;
      emitMessage(this.#bus, logEnvelope, {
        ...envelope,
        timestamp: nowNanoseconds().toString(),
        stream: 'ERR',
        payload: Buffer.from(text).toString('base64'),
        dropped: { lines, bytes },
      });
    }
    this.#dropped.clear();
  }
}

const originOf = (sourceId: string, instanceId: string): string => `${sourceId}/${instanceId}`;

let lastNanoseconds = 0n;

/** Wall-clock nanoseconds, strictly rising within this process, so that lines keep their order. */
export function nowNanoseconds(): bigint {
  const now = BigInt(Date.now()) * 1_000_000n;
  lastNanoseconds = now > lastNanoseconds ? now : lastNanoseconds + 1n;
  return lastNanoseconds;
}
