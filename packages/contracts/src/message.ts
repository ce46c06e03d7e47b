import { z } from 'zod';
import { timeSchema } from './common.ts';

/** What every message carries around its data. `id` is also the JetStream message id, so a repeated publish is dropped. */
export interface Message<T> {
  readonly type: string;
  readonly v: number;
  readonly id: string;
  readonly time: string;
  readonly source: string;
  readonly data: T;
}

/** A message kind: where it goes and what its data is. Readers are tolerant of unknown fields, writers strict. */
export interface MessageDefinition<T> {
  readonly type: string;
  readonly v: number;
  /** The subject, with `*` where `subjectFor` puts a token of the data. */
  readonly subject: string;
  readonly subjectFor: (data: T) => string;
  /** The stream that keeps it; absent for core NATS messages, which may be lost. */
  readonly stream?: string;
  readonly data: z.ZodType<T>;
}

const envelopeSchema = z.object({
  type: z.string(),
  v: z.int(),
  id: z.string().min(1),
  time: timeSchema,
  source: z.string().min(1),
});

/** Parses one message of a kind. Throws a ZodError, or an Error when type or version are another kind's. */
export function parseMessage<T>(definition: MessageDefinition<T>, value: unknown): Message<T> {
  const head = envelopeSchema.parse(value);
  if (head.type !== definition.type || head.v !== definition.v) {
    throw new Error(`expected a message ${definition.type} v${definition.v}, got ${head.type} v${head.v}`);
  }
  const data = definition.data.parse((value as { data?: unknown }).data);
  return { ...head, data };
}
