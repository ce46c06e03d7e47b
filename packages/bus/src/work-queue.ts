import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import { deadLetter, type Message, type MessageDefinition, parseMessage } from '@slipway/contracts';
import { childTrace, describeError, parseTraceparent, Turns, type TurnWait, withTrace } from '@slipway/service-kit';
import type { Bus } from './bus.ts';
import { publishMessage, TRACEPARENT_HEADER } from './publish.ts';

export interface WorkQueueOptions<T> {
  readonly definition: MessageDefinition<T> & { readonly stream: string };
  readonly durable: string;
  /** Must be idempotent: a message comes again when this process dies after the effect and before the ack. */
  readonly handle: (message: Message<T>, signal: AbortSignal) => Promise<void>;
  /** Handled side by side. */
  readonly concurrency: number;
  /** Then the message goes to the dead letters with the last error. */
  readonly maxDeliveries?: number;
  /** A handler that fails waits so long before the next try, doubled each time. */
  readonly retryMs?: number;
  /** Absent: messages are handled in the order they came. */
  readonly turns?: WorkTurns<T>;
}

/** Messages of one key are not to keep those of others waiting. */
export interface WorkTurns<T> {
  readonly keyOf: (data: T) => string;
  /** Handled side by side of one key, of `concurrency` in all. */
  readonly perKey: number;
  /** Taken off the queue while they wait for their turn. What is behind so many waits in the stream, in order. */
  readonly waiting: number;
  /** Called for a message that has to wait. */
  readonly onWait?: (message: Message<T>, why: TurnWait) => void;
}

export interface WorkQueue {
  /** Takes no more, waits for what is under way; what does not end is given back. */
  stop(deadlineMs?: number): Promise<void>;
  readonly busy: () => number;
}

// Three of them within the time after which the server gives a message to another.
const WORKING_INTERVAL_MS = 3_000;
const STOP_DEADLINE_MS = 10_000;
const FLUSH_MS = 1_000;
const RESTART_MS = 500;
const PULL_MS = 30_000;
// Of a queue with turns, which takes many: enough that the way to the server and back does not matter.
const PULLS = 4;
// Some of them missed: the consumer went away between two pulls, and nobody will answer this one.
const HEARTBEAT_MS = 3_000;
// In base64 and with its envelope it must fit the server's max_payload of 4 MiB; the rest of a larger one is cut.
const MAX_BURIED_BYTES = 2 * 1024 * 1024;
// A schema lists every field that is wrong: the reason can be longer than the message.
const MAX_REASON = 2_000;

// Who handles a message may end before it can answer: by chance, or because of this very message, each time anew. Many
// times more than a failure is allowed to happen, for restarts and lost connections count as well.
const UNANSWERED_FACTOR = 4;

/** Works through a stream with a durable consumer that any number of processes share. */
export async function startWorkQueue<T>(bus: Bus, options: WorkQueueOptions<T>): Promise<WorkQueue> {
  const abort = new AbortController();
  const pulls = new Set<ConsumerMessages>();
  const hands = options.concurrency + (options.turns?.waiting ?? 0);
  const turns = new Turns({ places: options.concurrency, perKey: options.turns?.perKey ?? options.concurrency });
  const waiting = new AbortController();
  const underWay = new Set<Promise<void>>();
  let pulling = 0;
  let freed = Promise.withResolvers<void>();
  let stopped = false;
  let found: Promise<Consumer> | undefined;
  const forget = (): void => {
    found = undefined;
    for (const pull of pulls) pull.stop();
  };
  const stopListening = bus.onReset(forget);

  /** Undefined when none came in time, or the pull was ended. */
  const take = async (): Promise<JsMsg | undefined> => {
    const generation = bus.generation;
    found ??= bus.js.consumers.get(options.definition.stream, options.durable);
    const consumer = await found;
    // One at a time and only when there is a hand free: what waits here in a buffer would be delivered elsewhere too.
    const pull = await consumer.fetch({ max_messages: 1, expires: PULL_MS, idle_heartbeat: HEARTBEAT_MS });
    pulls.add(pull);
    try {
      if (stopped || generation !== bus.generation) return undefined;
      for await (const message of pull) return message;
      return undefined;
    } finally {
      pulls.delete(pull);
      pull.stop();
    }
  };

  const answer = async (message: JsMsg): Promise<void> => {
    try {
      await handleOne(bus, options, message, { turns, waiting: waiting.signal, signal: abort.signal });
    } catch (error) {
      // Its answer could not be sent: the server gives it out again.
      bus.logger.warn({ err: error, stream: options.definition.stream }, 'work-queue.answer-failed');
    }
  };

  const work = async (): Promise<void> => {
    while (!stopped && !bus.signal.aborted) {
      if (underWay.size + pulling >= hands) {
        await freed.promise;
        continue;
      }
      let message: JsMsg | undefined;
      pulling++;
      try {
        message = await take();
      } catch (error) {
        if (stopped || bus.signal.aborted) return;
        found = undefined;
        bus.logger.warn({ err: error, stream: options.definition.stream }, 'work-queue.retry');
        await Promise.all([bus.verify(), new Promise((resolve) => setTimeout(resolve, RESTART_MS))]);
      } finally {
        pulling--;
      }
      if (message === undefined) continue;
      const done = answer(message).finally(() => {
        underWay.delete(done);
        freed.resolve();
        freed = Promise.withResolvers();
      });
      underWay.add(done);
    }
  };
  const workers = Array.from({ length: options.turns === undefined ? hands : Math.min(PULLS, hands) }, work);

  return {
    busy: () => underWay.size,
    stop: async (deadlineMs = STOP_DEADLINE_MS) => {
      stopped = true;
      stopListening();
      for (const pull of pulls) pull.stop();
      waiting.abort(new Error('stopping'));
      freed.resolve();
      const timer = setTimeout(() => abort.abort(new Error('stopping')), deadlineMs);
      await Promise.all(workers);
      await Promise.all(underWay);
      clearTimeout(timer);
      // The server would hand the next message to a pull of which it does not know yet that it was given up.
      if (bus.connected) await Promise.race([bus.nc.flush(), sleep(FLUSH_MS, undefined, { ref: false })]);
    },
  };
}

interface Handling {
  readonly turns: Turns;
  /** Aborts what waits for its turn, at once when the queue is stopped. */
  readonly waiting: AbortSignal;
  /** Aborts what is under way, some time after that. */
  readonly signal: AbortSignal;
}

async function handleOne<T>(bus: Bus, options: WorkQueueOptions<T>, raw: JsMsg, how: Handling): Promise<void> {
  const { turns, waiting, signal } = how;
  let message: Message<T>;
  try {
    message = parseMessage(options.definition, raw.json());
  } catch (error) {
    await bury(bus, options, raw, `not a valid ${options.definition.type}: ${describeError(error)}`);
    return;
  }
  const allowed = options.maxDeliveries ?? 5;
  if (raw.info.deliveryCount > UNANSWERED_FACTOR * allowed) {
    await bury(bus, options, raw, `handed out ${raw.info.deliveryCount - 1} times and never answered`);
    return;
  }
  const trace = childTrace(parseTraceparent(raw.headers?.get(TRACEPARENT_HEADER)));
  const working = setInterval(() => raw.working(), WORKING_INTERVAL_MS);
  let begun = false;
  const handle = (): Promise<void> => {
    begun = true;
    return options.handle(message, signal);
  };
  const key = options.turns?.keyOf(message.data) ?? '';
  const onWait = (why: TurnWait): void => options.turns?.onWait?.(message, why);
  try {
    await withTrace(trace, () => turns.run({ key, signal: waiting, work: handle, onWait }));
    raw.ack();
  } catch (error) {
    const deliveries = raw.info.deliveryCount;
    if (signal.aborted || !begun) {
      raw.nak();
    } else if (deliveries >= allowed) {
      await bury(bus, options, raw, describeError(error));
    } else {
      bus.logger.warn({ err: error, type: options.definition.type, id: message.id, deliveries }, 'work-queue.failed');
      raw.nak((options.retryMs ?? 1_000) * 2 ** (deliveries - 1));
    }
  } finally {
    clearInterval(working);
  }
}

/** To the dead letters first: only when they have it is the message taken off the queue. */
async function bury<T>(bus: Bus, options: WorkQueueOptions<T>, raw: JsMsg, why: string): Promise<void> {
  const reason = why.length > MAX_REASON ? `${why.slice(0, MAX_REASON)}...` : why;
  bus.logger.error({ subject: raw.subject, sequence: raw.seq, reason }, 'work-queue.dead-letter');
  try {
    await publishMessage(bus, deadLetter, {
      stream: options.definition.stream,
      consumer: options.durable,
      subject: raw.subject,
      sequence: raw.seq,
      deliveries: raw.info.deliveryCount,
      reason,
      payload: Buffer.from(raw.data.subarray(0, MAX_BURIED_BYTES)).toString('base64'),
    });
    raw.term();
  } catch (error) {
    bus.logger.error({ err: error, subject: raw.subject }, 'work-queue.dead-letter-failed');
    raw.nak(options.retryMs ?? 1_000);
  }
}
