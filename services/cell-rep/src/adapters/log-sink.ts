import { setTimeout as delay } from 'node:timers/promises';
import { type Bus, LogEmitter, type LogLine, nowNanoseconds } from '@slipway/bus';

/** Until the first connection; after it the emitter has its own bound. */
const MAX_WAITING = 10_000;
/** What may be on its way to NATS before readers wait, so that a flood stays in the app's own pipe. */
const MAX_UNFLUSHED_BYTES = 1024 * 1024;
const FLUSH_TIMEOUT_MS = 5_000;

interface Dropped {
  readonly line: LogLine;
  lines: number;
  bytes: number;
}

/** Where log lines go, also before the rep has ever reached NATS: apps write whether it is there or not. */
export class LogSink {
  readonly #dropped = new Map<string, Dropped>();
  #waiting: LogLine[] = [];
  #bus: Bus | undefined;
  #emitter: LogEmitter | undefined;
  #unflushed = 0;
  #flushing: Promise<void> | undefined;

  emit(line: LogLine): void {
    if (this.#emitter !== undefined) {
      this.#emitter.emit(line);
      this.#unflushed += Buffer.byteLength(line.line);
    } else if (this.#waiting.length < MAX_WAITING) this.#waiting.push({ timestamp: nowNanoseconds(), ...line });
    else this.#countDropped(line);
  }

  /** Undefined when there is room for more; else resolves when NATS has taken what was sent, or is away. */
  room(): Promise<void> | undefined {
    if (this.#unflushed < MAX_UNFLUSHED_BYTES || this.#bus === undefined) return undefined;
    this.#flushing ??= this.#flush(this.#bus).finally(() => {
      this.#flushing = undefined;
      this.#unflushed = 0;
    });
    return this.#flushing;
  }

  attach(bus: Bus): void {
    this.#bus = bus;
    this.#emitter = new LogEmitter(bus);
    for (const line of this.#waiting) this.#emitter.emit(line);
    this.#waiting = [];
    for (const { line, lines, bytes } of this.#dropped.values()) {
      const text = `${lines} log lines (${bytes} bytes) were dropped while the log stream was unreachable`;
      const { timestamp: _, ...rest } = line;
      this.#emitter.emit({ ...rest, stream: 'ERR', line: text, dropped: { lines, bytes } });
    }
    this.#dropped.clear();
  }

  close(): void {
    this.#emitter?.close();
  }

  async #flush(bus: Bus): Promise<void> {
    // While it is away lines wait or are counted, both within bounds.
    if (!bus.connected) return;
    await Promise.race([bus.nc.flush().catch(() => undefined), delay(FLUSH_TIMEOUT_MS, undefined, { ref: false })]);
  }

  #countDropped(line: LogLine): void {
    const key = `${line.sourceId}/${line.instanceId ?? ''}`;
    const entry = this.#dropped.get(key) ?? { line, lines: 0, bytes: 0 };
    entry.lines++;
    entry.bytes += Buffer.byteLength(line.line);
    this.#dropped.set(key, entry);
  }
}
