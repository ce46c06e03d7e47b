import { type Bus, LogEmitter, type LogLine, nowNanoseconds } from '@slipway/bus';

/** Until the first connection; after it the emitter has its own bound. */
const MAX_WAITING = 10_000;

/** Where log lines go, also before the rep has ever reached NATS: apps write whether it is there or not. */
export class LogSink {
  #emitter: LogEmitter | undefined;
  #waiting: LogLine[] = [];
  readonly #dropped = new Map<string, { line: LogLine; lines: number; bytes: number }>();

  emit(line: LogLine): void {
    if (this.#emitter !== undefined) this.#emitter.emit(line);
    else if (this.#waiting.length < MAX_WAITING) this.#waiting.push({ timestamp: nowNanoseconds(), ...line });
    else this.#countDropped(line);
  }

  attach(bus: Bus): void {
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

  #countDropped(line: LogLine): void {
    const key = `${line.sourceId}/${line.instanceId ?? ''}`;
    const entry = this.#dropped.get(key) ?? { line, lines: 0, bytes: 0 };
    entry.lines++;
    entry.bytes += Buffer.byteLength(line.line);
    this.#dropped.set(key, entry);
  }
}
