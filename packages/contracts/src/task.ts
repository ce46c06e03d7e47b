import { z } from 'zod';
import { cellIdSchema, guidSchema, timeSchema } from './common.ts';
import { desiredLrpSchema } from './desired-lrp.ts';

const { app, image, action, files, volumes, resources, egress, placementTags, log, metricTags } =
  desiredLrpSchema.shape;

/**
 * A command that shall run once (Diego's Task). Writer: cloud-controller, rebuilt from SQL. KV `tasks`, key
 * `desired.task.<task guid>`; deleted when its result is in SQL. `cellId`, `cancel` and `egress` are the only fields that change.
 */
export const desiredTaskSchema = z.object({
  v: z.literal(1),
  kind: z.literal('desired'),
  taskGuid: guidSchema,
  name: z.string().min(1),
  createdAt: timeSchema,
  app,
  image,
  action,
  files,
  volumes,
  resources,
  egress,
  placementTags,
  /** `sourceType` is APP/TASK/<name>. */
  log,
  metricTags,
  /**
   * The one cell that may run it. SQL has it first, and it never becomes another: that is why a task runs at most once.
   * Absent: no cell may start it yet.
   */
  cellId: cellIdSchema.optional(),
  /** It shall end, or not even begin. */
  cancel: z.boolean(),
});
export type DesiredTask = z.infer<typeof desiredTaskSchema>;

/**
 * Says that the bucket held every task when this was written (Diego's domain `cf-tasks`). Writer: cloud-controller. Key
 * `desired.domain.cf-tasks`: in the bucket of the tasks, so that it is ordered after them.
 */
export const tasksFreshnessSchema = z.object({
  v: z.literal(1),
  kind: z.literal('freshness'),
  domain: z.literal('cf-tasks'),
  refreshedAt: timeSchema,
  /** Fresh for so long after it was received (Cloud Controller: 120 s). */
  ttlMs: z.int().positive(),
  taskCount: z.int().nonnegative(),
});
export type TasksFreshness = z.infer<typeof tasksFreshnessSchema>;

/** The cell that a task fits on. A proposal: it takes effect when the desired task names the cell. */
export const taskPlacedSchema = z.object({
  v: z.literal(1),
  kind: z.literal('placed'),
  taskGuid: guidSchema,
  cellId: cellIdSchema,
  placedAt: timeSchema,
});
export type TaskPlaced = z.infer<typeof taskPlacedSchema>;

/** No cell takes it now. It is tried again. */
export const taskRefusedSchema = z.object({
  v: z.literal(1),
  kind: z.literal('refused'),
  taskGuid: guidSchema,
  /** Diego's placement error. */
  reason: z.string().max(1024),
  /** How often this was counted (Diego counts once in 30 s). */
  refusals: z.int().positive(),
  /** When it was counted last. */
  refusedAt: timeSchema,
});
export type TaskRefused = z.infer<typeof taskRefusedSchema>;

/** It will not run, or its cell is lost with it. `cellId`: only a task of this cell has failed of it. */
export const taskFailedSchema = z.object({
  v: z.literal(1),
  kind: z.literal('failed'),
  taskGuid: guidSchema,
  reason: z.string().max(1024),
  cellId: cellIdSchema.optional(),
  failedAt: timeSchema,
});
export type TaskFailed = z.infer<typeof taskFailedSchema>;

/** What the scheduler says of a task. Writer: the scheduler. KV `tasks`, key `placement.<task guid>`. */
export type TaskPlacement = TaskPlaced | TaskRefused | TaskFailed;

/**
 * What its cell says of a task. Writer: that cell's rep. KV `tasks`, key `state.<cell id>.<task guid>`; deleted when the
 * task is no longer desired. CLAIMED until its process is about to start; COMPLETED stays COMPLETED.
 */
export const taskStateSchema = z.object({
  v: z.literal(1),
  kind: z.literal('state'),
  taskGuid: guidSchema,
  cellId: cellIdSchema,
  state: z.enum(['CLAIMED', 'RUNNING', 'COMPLETED']),
  since: timeSchema,
  /** Of a COMPLETED one. */
  result: z
    .object({
      failed: z.boolean(),
      /** Why, e.g. `APP/TASK/migrate: Exited with status 1`. */
      reason: z.string().max(1024).optional(),
      exitStatus: z.int().optional(),
    })
    .optional(),
});
export type TaskState = z.infer<typeof taskStateSchema>;

export const taskRecordSchema = z.discriminatedUnion('kind', [
  desiredTaskSchema,
  tasksFreshnessSchema,
  taskPlacedSchema,
  taskRefusedSchema,
  taskFailedSchema,
  taskStateSchema,
]);
export type TaskRecord = z.infer<typeof taskRecordSchema>;
