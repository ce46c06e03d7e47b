import { DeliverPolicy, type JsMsg } from '@nats-io/jetstream';
import { type Message, type MessageDefinition, parseMessage } from '@slipway/contracts';
import type { Bus } from './bus.ts';

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

  const deliver = (raw: JsMsg): void => {
    let message: Message<T>;
    try {
      message = parseMessage(options.definition, raw.json());
    } catch (error) {
      bus.logger.warn({ err: error, subject: raw.subject, sequence: raw.seq }, 'stream-reader.invalid');
      return;
    }
    try {
      options.onMessage(message, raw.seq);
    } catch (error) {
      // Reading anew would only come to this message again, for ever.
      bus.logger.error({ err: error, subject: raw.subject, sequence: raw.seq }, 'stream-reader.handler-failed');
    }
  };

  const follow = async (signal: AbortSignal): Promise<void> => {
    const consumer = await bus.js.consumers.getPushConsumer(options.definition.stream, {
      deliver_policy: DeliverPolicy.All,
    });
    const { num_pending: pending } = await consumer.info(true);
    const messages = await consumer.consume();
    const stop = (): void => messages.stop();
    signal.addEventListener('abort', stop, { once: true });
    let caughtUp = pending === 0;
    options.onRestart();
    if (caughtUp) options.onCaughtUp();
    try {
      if (signal.aborted) return;
      for await (const raw of messages) {
        deliver(raw);
        if (!caughtUp && raw.info.pending === 0) {
          caughtUp = true;
          options.onCaughtUp();
        }
      }
    } finally {
      signal.removeEventListener('abort', stop);
      messages.stop();
    }
  };

  const run = async (): Promise<void> => {
    while (!stopped && !bus.signal.aborted) {
      restart = new AbortController();
      try {
        await follow(restart.signal);
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
