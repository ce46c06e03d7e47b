import { z } from 'zod';
import { nanosecondsSchema } from './common.ts';
import type { MessageDefinition } from './message.ts';

/**
 * A line of an app or of the platform about it, after loggregator's v2 envelope. Source types: API, STG, CELL, RTR,
 * HEALTH, APP/PROC/WEB, APP/TASK/name.
 */
export const logEnvelopeSchema = z.object({
  timestamp: nanosecondsSchema,
  /** The app guid. */
  sourceId: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
  /** The instance index as text; `0` for lines that no instance wrote. */
  instanceId: z.string(),
  sourceType: z.string(),
  stream: z.enum(['OUT', 'ERR']),
  /** The line's bytes in base64, no newline, at most 61,440 bytes before the encoding (Diego). */
  payload: z.base64(),
  tags: z.record(z.string(), z.string()),
  /** Present on a line that stands for lines which were not kept; the payload says so in words. */
  dropped: z.object({ lines: z.int().nonnegative(), bytes: z.int().nonnegative() }).optional(),
});
export type LogEnvelope = z.infer<typeof logEnvelopeSchema>;

/** Written by cell-rep, stager, cloud-controller and router; read by log-cache. */
export const logEnvelope: MessageDefinition<LogEnvelope> = {
  type: 'log.envelope',
  v: 1,
  subject: 'log.envelope.*',
  subjectFor: (data) => `log.envelope.${data.sourceId}`,
  stream: 'LOGS',
  data: logEnvelopeSchema,
};
