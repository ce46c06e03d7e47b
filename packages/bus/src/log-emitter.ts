import { type LogEnvelope, logEnvelope } from '@slipway/contracts';
import type { Bus } from './bus.ts';
import { emitMessage } from './publish.ts';

/** How much waits while NATS is away; beyond it lines are counted instead of kept. */
const MAX_WAITING = 10_000;
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
}

/** Sends log lines; while NATS is away they wait, and what does not fit is replaced by a line that says how much. */
export class LogEmitter {
  readonly #bus: Bus;
  #waiting: LogEnvelope[] = [];
  readonly #dropped = new Map<string, { envelope: LogEnvelope; lines: number; bytes: number }>();
  readonly #stopListening: () => void;

  constructor(bus: Bus) {
    this.#bus = bus;
    this.#stopListening = bus.onReset(() => this.#flush());
  }

  emit(line: LogLine): void {
    const bytes = typeof line.line === 'string' ? Buffer.from(line.line) : Buffer.from(line.line);
    const envelope: LogEnvelope = {
      timestamp: (line.timestamp ?? nowNanoseconds()).toString(),
      sourceId: line.sourceId,
      instanceId: line.instanceId ?? '0',
      sourceType: line.sourceType,
      stream: line.stream ?? 'OUT',
      payload: bytes.subarray(0, MAX_PAYLOAD_BYTES).toString('base64'),
      tags: { ...line.tags },
    };
    if (this.#bus.connected) emitMessage(this.#bus, logEnvelope, envelope);
    else if (this.#waiting.length < MAX_WAITING) this.#waiting.push(envelope);
    else this.#countDropped(envelope, bytes.length);
  }

  close(): void {
    this.#stopListening();
  }

  #countDropped(envelope: LogEnvelope, bytes: number): void {
    const key = `${envelope.sourceId}/${envelope.instanceId}`;
    const entry = this.#dropped.get(key) ?? { envelope, lines: 0, bytes: 0 };
    entry.lines++;
    entry.bytes += bytes;
    this.#dropped.set(key, entry);
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const envelope of waiting) emitMessage(this.#bus, logEnvelope, envelope);
    for (const { envelope, lines, bytes } of this.#dropped.values()) {
      const text = `${lines} log lines (${bytes} bytes) were dropped while the log stream was unreachable`;
      const payload = Buffer.from(text).toString('base64');
      const timestamp = nowNanoseconds().toString();
      emitMessage(this.#bus, logEnvelope, {
        ...envelope,
        timestamp,
        stream: 'ERR',
        payload,
        dropped: { lines, bytes },
      });
    }
    this.#dropped.clear();
  }
}

let lastNanoseconds = 0n;

/** Wall-clock nanoseconds, strictly rising within this process, so that lines keep their order. */
export function nowNanoseconds(): bigint {
  const now = BigInt(Date.now()) * 1_000_000n;
  lastNanoseconds = now > lastNanoseconds ? now : lastNanoseconds + 1n;
  return lastNanoseconds;
}
