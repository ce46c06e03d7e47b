import { z } from 'zod';
import { cellIdSchema, guidSchema, processGuidSchema, timeSchema } from './common.ts';

/**
 * In a row, how often the image could not be fetched for this index: no fault of the app's, so no crash, but it is tried
 * again less and less often. Absent: not at all.
 */
const pullFailures = z.int().positive().optional();

/** One instance, given to one cell. Writer: the scheduler. KV `placements`, key `placed.<cell id>.<instance guid>`. */
export const placementSchema = z.object({
  v: z.literal(1),
  kind: z.literal('placed'),
  processGuid: processGuidSchema,
  index: z.int().nonnegative(),
  instanceGuid: guidSchema,
  cellId: cellIdSchema,
  /** Crashes of this index before this instance. */
  crashCount: z.int().nonnegative(),
  pullFailures,
  placedAt: timeSchema,
  /** What it takes of the cell, so that a scheduler can count without the desired LRP. */
  memoryMb: z.int().nonnegative(),
  diskMb: z.int().nonnegative(),
});
export type Placement = z.infer<typeof placementSchema>;

/**
 * An index that runs nowhere now, and why. Writer: the scheduler. KV `placements`, key
 * `unplaced.<process guid>.<index>`. UNCLAIMED with a `placementError` when no cell takes it; CRASHED while it waits
 * for its next start (Diego's restart policy).
 */
export const unplacedSchema = z.object({
  v: z.literal(1),
  kind: z.literal('unplaced'),
  processGuid: processGuidSchema,
  index: z.int().nonnegative(),
  state: z.enum(['UNCLAIMED', 'CRASHED']),
  placementError: z.string().max(1024).optional(),
  crashCount: z.int().nonnegative(),
  pullFailures,
  crashReason: z.string().max(1024).optional(),
  since: timeSchema,
  /** Not before; absent when it will never be tried again (200 crashes). */
  retryAt: timeSchema.optional(),
});
export type Unplaced = z.infer<typeof unplacedSchema>;

export const placementRecordSchema = z.discriminatedUnion('kind', [placementSchema, unplacedSchema]);
export type PlacementRecord = z.infer<typeof placementRecordSchema>;
