import { randomUUID } from 'node:crypto';
import { headers, type MsgHdrs } from '@nats-io/nats-core';
import type { Message, MessageDefinition } from '@slipway/contracts';
import { childTrace, currentTrace, formatTraceparent } from '@slipway/service-kit';
import type { Bus } from './bus.ts';
import { BusError } from './bus-error.ts';

export const TRACEPARENT_HEADER = 'traceparent';

export interface PublishOptions {
  /** The message id. Give the same one for a repeated publish, and JetStream keeps one of them. */
  readonly id?: string;
}

/** Publishes to the message's stream and waits until the stream has it. Throws BusError BUS_PUBLISH_FAILED. */
export async function publishMessage<T>(
  bus: Bus,
  definition: MessageDefinition<T>,
  data: T,
  options: PublishOptions = {},
): Promise<void> {
  const { subject, payload, message } = encode(bus, definition, data, options.id);
  try {
    await bus.js.publish(subject, payload, {
      msgID: message.id,
      headers: traceHeaders(),
      ...(definition.stream === undefined ? {} : { expect: { streamName: definition.stream } }),
    });
  } catch (cause) {
    throw new BusError('BUS_PUBLISH_FAILED', `cannot publish ${definition.type} to ${subject}`, {
      cause,
    });
  }
}

/** Publishes without waiting: for what may be lost, such as metrics, and for log lines, where an answer costs too much. */
export function emitMessage<T>(bus: Bus, definition: MessageDefinition<T>, data: T): void {
  const { subject, payload } = encode(bus, definition, data, undefined);
  bus.nc.publish(subject, payload);
}

function encode<T>(
  bus: Bus,
  definition: MessageDefinition<T>,
  data: T,
  id: string | undefined,
): { subject: string; payload: string; message: Message<T> } {
  const message: Message<T> = {
    type: definition.type,
    v: definition.v,
    id: id ?? randomUUID(),
    time: new Date().toISOString(),
    source: bus.source,
    // Writers are strict: what does not parse never leaves the service.
    data: definition.data.parse(data),
  };
  return { subject: definition.subjectFor(data), payload: JSON.stringify(message), message };
}

function traceHeaders(): MsgHdrs {
  const result = headers();
  result.set(TRACEPARENT_HEADER, formatTraceparent(childTrace(currentTrace())));
  return result;
}
