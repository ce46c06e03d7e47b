import { z } from 'zod';
import { guidSchema } from './common.ts';

/*
 * Between ssh-proxy and a cell's rep, in TLS 1.3 with a key that they share: one connection for each session or
 * forwarded port. ssh-proxy begins with an `open`; the rep answers `opened` or `refused`; then bytes go both ways. Who
 * closes the connection ends what runs.
 */

/** The identity of the key that ssh-proxy and cells share. */
export const SESSION_KEY_IDENTITY = 'slipway-session';

/** Kinds of frames, in the direction of the arrow. */
export const sessionFrames = {
  /** → JSON, sessionRequestSchema. */
  open: 0,
  /** ← nothing. */
  opened: 1,
  /** ← JSON, sessionRefusalSchema; the last. */
  refused: 2,
  /** → standard input, ← standard output; in forwarded connections, too. */
  data: 3,
  /** ← standard error. */
  error: 4,
  /** ↔ no more data from this side. */
  end: 5,
  /** → JSON, terminalSizeSchema. */
  resize: 6,
  /** → a signal's name, such as SIGINT. */
  signal: 7,
  /** ← JSON, sessionExitSchema; the last. */
  exit: 8,
  /** ← nothing. Who writes learns that nobody is there any more, also while it waits to read on. */
  alive: 9,
} as const;

const dimension = z.int().min(1).max(65_535);
export const terminalSizeSchema = z.object({ columns: dimension, rows: dimension });

const text = z.string().refine((value) => !value.includes('\0'), 'has a NUL in it');

export const sessionRequestSchema = z.discriminatedUnion('type', [
  z.object({
    v: z.literal(1),
    type: z.literal('exec'),
    instanceGuid: guidSchema,
    argv: z.array(text).min(1).max(64),
    environment: z.record(z.string(), text),
    terminal: terminalSizeSchema.optional(),
  }),
  z.object({
    v: z.literal(1),
    type: z.literal('connect'),
    instanceGuid: guidSchema,
    /** `localhost` is the container's own; other names have the addresses that the machine's name servers give. */
    host: z.string().min(1).max(255),
    port: dimension,
  }),
]);
export type SessionRequest = z.infer<typeof sessionRequestSchema>;

export const sessionRefusalSchema = z.object({
  v: z.literal(1),
  reason: z.enum(['not-found', 'busy', 'failed']),
  message: z.string(),
});
export type SessionRefusal = z.infer<typeof sessionRefusalSchema>;

export const sessionExitSchema = z.object({ v: z.literal(1), status: z.int().min(0).max(255) });

/** A static busybox in every container, whatever the image has. */
export const TOOLS_PATH = '/.slipway/busybox';
