import { type Bus, startStreamReader } from '@slipway/bus';
import { logEnvelope } from '@slipway/contracts';
import { LogStore, type StoreBounds } from '../../domain/log-store.ts';
import { LogCacheError } from '../../errors.ts';

/**
 * The stream LOGS in memory. Whenever the stream is read from its start, the store that was read before goes on serving
 * until the new one has all: nobody sees half of the lines.
 */
export class LogStream {
  readonly #bus: Bus;
  readonly #bounds: StoreBounds;
  readonly #caughtUp = Promise.withResolvers<void>();
  #complete: LogStore | undefined;
  #filling: LogStore | undefined;
  #lastSequence: number | undefined;
  #ingested = 0;
  #rejected = 0;
  #missed = 0;
  #reader: { stop(): void } | undefined;

  constructor(bus: Bus, bounds: StoreBounds) {
    this.#bus = bus;
    this.#bounds = bounds;
  }

  start(): void {
    this.#reader = startStreamReader(this.#bus, {
      definition: { ...logEnvelope, stream: 'LOGS' },
      onRestart: () => {
        this.#filling = new LogStore(this.#bounds);
        this.#lastSequence = undefined;
      },
      onMessage: (message, sequence) => {
        this.#countMissed(sequence);
        this.#ingested++;
        if ((this.#filling ?? this.#complete)?.put(message.data) !== false) return;
        this.#rejected++;
        const details = { sourceId: message.data.sourceId, timestamp: message.data.timestamp, sequence };
        const error = new LogCacheError('ENVELOPE_TIMESTAMP_INVALID', 'the timestamp is beyond int64', { details });
        this.#bus.logger.warn({ err: error, ...details }, 'log-stream.rejected');
      },
      onCaughtUp: () => {
        this.#complete = this.#filling ?? this.#complete;
        this.#filling = undefined;
        this.#bus.logger.info(this.#complete?.totals() ?? {}, 'log-stream.caught-up');
        this.#caughtUp.resolve();
      },
    });
  }

  /** Undefined until the stream was read once. */
  get store(): LogStore | undefined {
    return this.#complete;
  }

  /** The store, once the stream was read; undefined when that takes longer than `timeoutMs`. */
  async whenRead(timeoutMs: number): Promise<LogStore | undefined> {
    if (this.#complete === undefined) {
      const timeout = Promise.withResolvers<void>();
      const timer = setTimeout(timeout.resolve, timeoutMs);
      await Promise.race([this.#caughtUp.promise, timeout.promise]);
      clearTimeout(timer);
    }
    return this.#complete;
  }

  get counts(): { readonly ingested: number; readonly rejected: number; readonly missed: number } {
    return { ingested: this.#ingested, rejected: this.#rejected, missed: this.#missed };
  }

  stop(): void {
    this.#reader?.stop();
  }

  /** While the stream is followed, a gap is what its own limits threw away before we could read it. */
  #countMissed(sequence: number): void {
    const expected = this.#lastSequence === undefined ? sequence : this.#lastSequence + 1;
    this.#lastSequence = sequence;
    if (this.#filling !== undefined || sequence <= expected) return;
    this.#missed += sequence - expected;
    this.#bus.logger.warn({ missed: sequence - expected, sequence }, 'log-stream.missed');
  }
}
