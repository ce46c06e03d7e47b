import { z } from 'zod';
import { cellIdSchema, timeSchema } from './common.ts';

/** What of the containers' isolation depends on a cell's machine. */
const cellIsolationSchema = z.object({
  /** Host ids: `own` for each container, or `shared` by all. */
  userIds: z.enum(['own', 'shared']),
  /** Absent: the kernel has no AppArmor, or the profile could not be loaded. */
  appArmorProfile: z.string().optional(),
  seccomp: z.boolean(),
  /** `hybrid`: controllers of v1, and a hierarchy of v2 without. */
  cgroups: z.enum(['v1', 'v2', 'hybrid']),
  /** What holds what containers write at its limit. */
  diskLimits: z.enum(['project-quota', 'file-system', 'none']),
});

/**
 * A cell that says it is there, renewed every 5 s (Diego's CellPresence; Locket: TTL 15 s, renewed every 5 s).
 * Writer: that cell's rep. KV `cells`, key `<cell id>`. Readers count the age from when they received it, for clocks differ.
 */
export const cellPresenceSchema = z.object({
  v: z.literal(1),
  cellId: cellIdSchema,
  /** New at each start of the rep. */
  epoch: z.string(),
  startedAt: timeSchema,
  renewedAt: timeSchema,
  /** The host's own address. */
  address: z.string(),
  /** Where other cells get layers from this one (TLS with the cells' common key); absent when they cannot. */
  peerPort: z.int().min(1).max(65_535).optional(),
  /** Where ssh-proxy begins sessions in its instances (TLS with a key of theirs); absent when it cannot. */
  sshPort: z.int().min(1).max(65_535).optional(),
  /** Of its containers, as `10.254.0.0/22`. */
  subnet: z.string().optional(),
  zone: z.string(),
  platform: z.object({ os: z.string(), architecture: z.string() }),
  capacity: z.object({
    memoryMb: z.int().nonnegative(),
    diskMb: z.int().nonnegative(),
    containers: z.int().nonnegative(),
  }),
  /** What of the containers' isolation its machine has; absent in records of before that was told. */
  isolation: cellIsolationSchema.optional(),
  placementTags: z.array(z.string()),
  optionalPlacementTags: z.array(z.string()),
  evacuating: z.boolean(),
  /** False, with a reason, when it cannot create containers; it is passed over then. */
  healthy: z.boolean(),
  unhealthyReason: z.string().optional(),
  /** Containers that are not yet running. */
  starting: z.int().nonnegative(),
});
export type CellPresence = z.infer<typeof cellPresenceSchema>;

/** Who leads. Writer: whoever holds it. KV `leases`, key `scheduler`; the bucket's TTL frees it when the holder dies. */
export const leaseSchema = z.object({
  v: z.literal(1),
  holder: z.string(),
  epoch: z.int().nonnegative(),
  renewedAt: timeSchema,
});
export type Lease = z.infer<typeof leaseSchema>;
