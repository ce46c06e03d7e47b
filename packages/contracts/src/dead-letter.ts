import { z } from 'zod';
import type { MessageDefinition } from './message.ts';

/** A message that no consumer could handle, with the reason. */
export const deadLetterSchema = z.object({
  stream: z.string(),
  consumer: z.string(),
  subject: z.string(),
  sequence: z.int(),
  deliveries: z.int(),
  reason: z.string(),
  /** The message's bytes in base64. */
  payload: z.base64(),
});
export type DeadLetter = z.infer<typeof deadLetterSchema>;

export const deadLetter: MessageDefinition<DeadLetter> = {
  type: 'dead-letter',
  v: 1,
  subject: 'dead-letter.*.*',
  subjectFor: (data) => `dead-letter.${data.stream}.${data.consumer}`,
  stream: 'DEAD_LETTERS',
  data: deadLetterSchema,
};
