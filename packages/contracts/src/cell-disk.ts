import { z } from 'zod';
import { cellIdSchema, guidSchema, timeSchema } from './common.ts';

const count = z.int().nonnegative();
const bytes = z.int().nonnegative();

/** Bytes of layers: lost only with this image or app, used by others as well, kept for nobody. */
const shares = { sharedBytes: bytes, exclusiveBytes: bytes, reclaimableBytes: bytes } as const;

/**
 * What the disk of a cell is used for. Writer: that cell's rep, every 30 s. KV `cell-disks`, key `<cell id>`; the
 * bucket's TTL takes away what a cell that is gone had said. Apps are told by guid only: names are Cloud Controller's.
 */
export const cellDiskSchema = z.object({
  v: z.literal(1),
  cellId: cellIdSchema,
  measuredAt: timeSchema,
  /** Of the file system that the layer store is on, whoever uses it. */
  disk: z.object({ capacityBytes: bytes, freeBytes: bytes }),
  /** The sum of `shares` is `bytes`. The other three tell what keeps a layer, of which there may be several. */
  layers: z.object({ count, bytes, ...shares, pinnedBytes: bytes, inUseBytes: bytes, leasedBytes: bytes }),
  /** What containers have written themselves, and what those that have a limit may have in all. */
  containers: z.object({ count, writableBytes: bytes, promisedBytes: bytes.optional() }),
  /** What holds containers' own files at their limits on this machine, and why it is that; absent: an older cell. */
  limitedBy: z.object({ kind: z.enum(['project-quota', 'file-system', 'none']), reason: z.string() }).optional(),
  /** Since the rep has started. */
  collections: z.object({
    collections: count,
    removedLayers: count,
    removedBytes: bytes,
    lastError: z.object({ code: z.string(), message: z.string(), at: timeSchema }).optional(),
  }),
  /** The largest; `imageCount` is of all. */
  images: z.array(
    z.object({
      /** The manifest's digest; something else for layers of which no more is known than that they are used. */
      id: z.string(),
      reference: z.string().optional(),
      pinned: z.boolean(),
      /** Pinned as what an app runs now, not as what it could go back to. */
      current: z.boolean(),
      leased: z.boolean(),
      containers: count,
      layers: count,
      /** Some of the apps that have it, or had it last. */
      apps: z.array(guidSchema),
      ...shares,
    }),
  ),
  imageCount: count,
  /** The largest; `appCount` is of all. */
  apps: z.array(z.object({ guid: guidSchema, images: count, containers: count, writableBytes: bytes, ...shares })),
  appCount: count,
  /**
   * Of the images that this cell shall keep, how many are here, and those that are not, what was tried and failed first;
   * `missingCount` is of all. Absent until the cell has heard of them.
   */
  wanted: z
    .object({
      storedCount: count,
      missing: z.array(
        z.object({ dropletGuid: guidSchema, appGuid: guidSchema, image: z.string(), reason: z.string().optional() }),
      ),
      missingCount: count,
    })
    .optional(),
});
export type CellDisk = z.infer<typeof cellDiskSchema>;
