import { desiredLrpSchema, desiredTaskSchema, instanceSchema, placementSchema } from '@slipway/contracts';
import { z } from 'zod';

/**
 * What the rep writes into a container's own metadata, so that a later rep can take it over without NATS. Written by
 * the rep that holds the container; registry credentials in it stay sealed.
 */
export const notesSchema = z.object({
  v: z.literal(1),
  placement: placementSchema,
  lrp: desiredLrpSchema,
  /** As last told to NATS, or about to be. CRASHED and STOPPING here mean: go on with that. */
  record: instanceSchema,
});
export type Notes = z.infer<typeof notesSchema>;

/** The same of a task; what came of it lies in the ledger of tasks. */
export const taskNotesSchema = z.object({ v: z.literal(1), kind: z.literal('task'), task: desiredTaskSchema });
export type TaskNotes = z.infer<typeof taskNotesSchema>;

export type AnyNotes = Notes | TaskNotes;

export function isOfTask(notes: AnyNotes | undefined): notes is TaskNotes {
  return notes !== undefined && 'kind' in notes;
}
