import { z } from 'zod';
import {
  cellIdSchema,
  digestSchema,
  guidSchema,
  nanosecondsSchema,
  portSchema,
  processGuidSchema,
  timeSchema,
} from './common.ts';
import type { MessageDefinition } from './message.ts';

/** Where a claimed instance stands; shown to the user while it starts. */
export const instancePhaseSchema = z.enum(['claimed', 'pulling', 'creating', 'starting', 'health-check']);

/**
 * What runs, as its cell sees it (Diego's ActualLRP). Writer: that cell's rep. KV `instances`, key
 * `<cell id>.<instance guid>`; deleted when the container is gone and the placement with it.
 */
export const instanceSchema = z.object({
  v: z.literal(1),
  instanceGuid: guidSchema,
  processGuid: processGuidSchema,
  index: z.int().nonnegative(),
  cellId: cellIdSchema,
  state: z.enum(['CLAIMED', 'RUNNING', 'CRASHED', 'STOPPING']),
  phase: instancePhaseSchema.optional(),
  /** When it came into this state. */
  since: timeSchema,
  /** May routes lead to it (Diego's `routable`). */
  routable: z.boolean(),
  /** The latest news of its readiness check; absent before the first, and without such a check. */
  readiness: z.object({ ready: z.boolean(), since: timeSchema }).optional(),
  /** The container's own address, once it has one. */
  address: z.string().optional(),
  ports: z.array(z.object({ containerPort: portSchema, hostPort: portSchema })).optional(),
  /** Whose network policies hold for its address. */
  appGuid: guidSchema.optional(),
  /** Names on internal domains that lead to it while it is routable. */
  internalHosts: z.array(z.string()).optional(),
  /** Digest of the manifest that it runs. */
  manifestDigest: digestSchema.optional(),
  crash: z
    .object({
      /** Which step ended it. */
      phase: z.enum(['pull', 'create', 'start', 'health-check', 'run']),
      /** E.g. `APP/PROC/WEB: Exited with status 1 (out of memory)`. */
      reason: z.string().max(1024),
      exitStatus: z.int().optional(),
      outOfMemory: z.boolean(),
      /** It had been RUNNING for so long; 0 when it never was. Decides whether the crash count starts anew. */
      ranMs: z.number().nonnegative(),
    })
    .optional(),
});
export type Instance = z.infer<typeof instanceSchema>;

/** What the containers of a cell use, every 15 s and right after a start. Writer: that cell's rep. Core NATS. */
export const instanceMetricsSchema = z.object({
  cellId: cellIdSchema,
  timestamp: nanosecondsSchema,
  instances: z.array(
    z.object({
      instanceGuid: guidSchema,
      processGuid: processGuidSchema,
      index: z.int().nonnegative(),
      /** Of one core, 1 = all of it. */
      cpu: z.number().nonnegative(),
      /** Over what its memory's share of the cell entitles it to (Diego `cpu_entitlement`), 1 = all of that. */
      cpuEntitlement: z.number().nonnegative().optional(),
      memoryBytes: z.int().nonnegative(),
      /** Of the writable layer. */
      diskBytes: z.int().nonnegative(),
      logBytesPerSecond: z.int().nonnegative(),
      ageMs: z.number().nonnegative(),
      /** What it may have at most. */
      memoryQuotaBytes: z.int().nonnegative().optional(),
      diskQuotaBytes: z.int().nonnegative().optional(),
      /** Bytes per second; -1: no limit of its own. */
      logRateLimit: z.int().optional(),
      /** Under which its figures are read, as its log is: the app guid. Absent: they are not. */
      sourceId: z
        .string()
        .regex(/^[A-Za-z0-9_-]{1,64}$/)
        .optional(),
      /** The LRP's metric tags. */
      tags: z.record(z.string(), z.string()).optional(),
    }),
  ),
});
export type InstanceMetrics = z.infer<typeof instanceMetricsSchema>;

export const instanceMetrics: MessageDefinition<InstanceMetrics> = {
  type: 'instance.metrics',
  v: 1,
  subject: 'metrics.instances.*',
  subjectFor: (data) => `metrics.instances.${data.cellId}`,
  data: instanceMetricsSchema,
};
