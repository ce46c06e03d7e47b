import { type Message, type MessageDefinition, parseMessage } from '@slipway/contracts';
import type { Bus } from './bus.ts';
import type { StoredRecord } from './stored-records.ts';
import { StoredSequence } from './stored-sequence.ts';

export interface StreamReaderOptions<T> {
  readonly definition: MessageDefinition<T> & { readonly stream: string };
  readonly onMessage: (message: Message<T>, sequence: number) => void;
  /** Before each reading from the start: forget what was read. */
  readonly onRestart: () => void;
  /** When everything that the stream held has been read. */
  readonly onCaughtUp: () => void;
}

const RETRY_MS = 500;

/** Reads a stream from its start and follows it; after a reset it starts anew. Messages that do not parse are logged and skipped. */
export function startStreamReader<T>(bus: Bus, options: StreamReaderOptions<T>): { stop(): void } {
  let restart = new AbortController();
  let stopped = false;
  const stopListening = bus.onReset(() => restart.abort());

  const deliver = (record: StoredRecord): void => {
    let message: Message<T>;
    try {
      message = parseMessage(options.definition, record.json());
    } catch (error) {
      const at = { subject: record.subject, sequence: record.sequence };
      bus.logger.warn({ err: error, ...at }, 'stream-reader.invalid');
      return;
    }
    try {
      options.onMessage(message, record.sequence);
    } catch (error) {
      // Reading anew would only come to this message again, for ever.
      bus.logger.error(
        { err: error, subject: record.subject, sequence: record.sequence },
        'stream-reader.handler-failed',
      );
    }
  };

  const run = async (): Promise<void> => {
    while (!stopped && !bus.signal.aborted) {
      restart = new AbortController();
      try {
        await new StoredSequence(bus, options.definition.stream, deliver).follow(restart.signal, options);
      } catch (error) {
        if (stopped || bus.signal.aborted) return;
        bus.logger.warn({ err: error, stream: options.definition.stream }, 'stream-reader.retry');
        await bus.verify();
      }
      if (!restart.signal.aborted && !stopped) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  };
  void run();
  return {
    stop: () => {
      stopped = true;
      stopListening();
      restart.abort();
    },
  };
}
