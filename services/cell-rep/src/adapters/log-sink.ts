import { setTimeout as delay } from 'node:timers/promises';
import { type Bus, LogEmitter, type LogLine, nowNanoseconds } from '@slipway/bus';
import { FairQueue } from '../domain/fair-queue.ts';

/** Of all instances, while NATS is away or slow. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** Of one instance, before its reader waits: the rest of a flood stays in the app's own pipe. */
const MAX_WAITING_OF_INSTANCE = 256 * 1024;
/** What is on its way before NATS is asked whether it has all of it. A quiet app's line waits for one of these at most. */
const WINDOW_BYTES = 128 * 1024;
/** When it is the rate that bounds it: nobody shall wait longer than that for a turn. */
const WINDOWS_PER_SECOND = 10;
const FLUSH_TIMEOUT_MS = 5_000;
/** What waits at the end gets this long. */
const DRAIN_TIMEOUT_MS = 2_000;

export interface LogSinkOptions {
  /** Of all instances together, -1: no limit. Each gets the same share of it. */
  readonly linesPerSecond: number;
}

/**
 * Where log lines go, also before the rep has ever reached NATS: apps write whether it is there or not. Each instance
 * has a queue of its own, and they take turns.
 */
export class LogSink {
  readonly #linesPerSecond: number;
  readonly #queue = new FairQueue<LogLine>(MAX_WAITING_BYTES);
  /** Readers that wait for room, by origin. */
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();
  #bus: Bus | undefined;
  #emitter: LogEmitter | undefined;
  #stopListening: () => void = () => undefined;
  #pumping: Promise<void> | undefined;
  /** Nothing more will come: what waits leaves as fast as it can. */
  #closing = false;

  constructor({ linesPerSecond }: LogSinkOptions) {
    this.#linesPerSecond = linesPerSecond;
  }

  emit(line: LogLine): void {
    const stamped = line.timestamp === undefined ? { timestamp: nowNanoseconds(), ...line } : line;
    this.#queue.push(originOf(line), stamped, Buffer.byteLength(line.line));
    this.#pump();
  }

  /**
   * Undefined when the instance may write more; else resolves when it may. While NATS is away nobody waits: lines are
   * kept, or counted.
   */
  room(instance: Pick<LogLine, 'sourceId' | 'instanceId'>): Promise<void> | undefined {
    const origin = originOf(instance);
    if (this.#bus?.ready !== true || this.#queue.costOf(origin) < MAX_WAITING_OF_INSTANCE) return undefined;
    const waiting = this.#waiting.get(origin) ?? Promise.withResolvers<void>();
    this.#waiting.set(origin, waiting);
    return waiting.promise;
  }

  attach(bus: Bus): void {
    this.#bus = bus;
    this.#emitter = new LogEmitter(bus);
    this.#stopListening = bus.onReset(() => this.#pump());
    this.#pump();
  }

  /** Sends what waits, if NATS is there. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#pump();
    await Promise.race([this.#pumping, delay(DRAIN_TIMEOUT_MS, undefined, { ref: false })]);
    this.#stopListening();
    this.#emitter?.close();
    this.#emitter = undefined;
    this.#wake(() => true);
  }

  get #paced(): boolean {
    return this.#linesPerSecond >= 0 && !this.#closing;
  }

  #pump(): void {
    const [bus, emitter] = [this.#bus, this.#emitter];
    if (bus === undefined || emitter === undefined || !bus.ready) return;
    this.#pumping ??= this.#send(bus, emitter).finally(() => {
      this.#pumping = undefined;
      this.#wake(() => true);
      // What came between the last look and now.
      if (!this.#queue.empty) this.#pump();
    });
  }

  async #send(bus: Bus, emitter: LogEmitter): Promise<void> {
    while (!this.#queue.empty && bus.ready && this.#emitter !== undefined) {
      const startedAt = performance.now();
      const lines = this.#sendWindow(emitter);
      await Promise.race([bus.nc.flush().catch(() => undefined), delay(FLUSH_TIMEOUT_MS, undefined, { ref: false })]);
      const paceMs = this.#paced ? (lines / this.#linesPerSecond) * 1_000 : 0;
      const aheadMs = paceMs - (performance.now() - startedAt);
      if (aheadMs > 1) await delay(aheadMs, undefined, { ref: false });
      this.#wake((origin) => this.#queue.costOf(origin) < MAX_WAITING_OF_INSTANCE / 2);
    }
  }

  /** Returns how many lines it was. */
  #sendWindow(emitter: LogEmitter): number {
    const maxLines = this.#paced ? Math.max(1, this.#linesPerSecond / WINDOWS_PER_SECOND) : Number.POSITIVE_INFINITY;
    let lines = 0;
    for (let bytes = 0; bytes < WINDOW_BYTES && lines < maxLines; lines++) {
      const entry = this.#queue.take();
      if (entry === undefined) break;
      bytes += entry.bytes;
      emitter.emit(entry.kind === 'line' ? entry.line : gapLine(entry.first, entry.lines, entry.bytes));
    }
    return lines;
  }

  #wake(mayGo: (origin: string) => boolean): void {
    for (const [origin, { resolve }] of this.#waiting) {
      if (!mayGo(origin)) continue;
      this.#waiting.delete(origin);
      resolve();
    }
  }
}

/** Stands for lines that were not kept, at their place. */
function gapLine(first: LogLine, lines: number, bytes: number): LogLine {
  const line = `${lines} log lines (${bytes} bytes) were dropped while the log stream was unreachable or too slow`;
  return { ...first, stream: 'ERR', line, dropped: { lines, bytes } };
}

const originOf = (line: Pick<LogLine, 'sourceId' | 'instanceId'>): string =>
  `${line.sourceId}/${line.instanceId ?? ''}`;
