import type { CfClient } from '@slipway/testing';
import { z } from 'zod';

const shares = { shared_bytes: z.number(), exclusive_bytes: z.number(), reclaimable_bytes: z.number() } as const;

const listedCellSchema = z.object({
  guid: z.string(),
  healthy: z.boolean(),
  unhealthy_reason: z.string().nullable(),
  disk: z
    .object({
      measured_at: z.string(),
      capacity_bytes: z.number(),
      free_bytes: z.number(),
      layers: z.object({
        count: z.number(),
        bytes: z.number(),
        ...shares,
        pinned_bytes: z.number(),
        in_use_bytes: z.number(),
      }),
      containers: z.object({
        count: z.number(),
        writable_bytes: z.number(),
        promised_bytes: z.number().nullable(),
      }),
      limited_by: z.object({ kind: z.string(), reason: z.string() }).nullable(),
      collections: z.object({
        count: z.number(),
        removed_layers: z.number(),
        removed_bytes: z.number(),
        last_error: z.object({ code: z.string(), message: z.string(), at: z.string() }).nullable(),
      }),
      image_count: z.number(),
      images: z.array(
        z.object({
          id: z.string(),
          reference: z.string().nullable(),
          state: z.string(),
          containers: z.number(),
          ...shares,
        }),
      ),
      app_count: z.number(),
      apps: z.array(
        z.object({
          guid: z.string(),
          name: z.string().nullable(),
          containers: z.number(),
          writable_bytes: z.number(),
          ...shares,
        }),
      ),
    })
    .nullable(),
});
export type ListedCell = z.infer<typeof listedCellSchema>;

const pageSchema = z.object({
  pagination: z.object({ total_pages: z.number() }),
  resources: z.array(listedCellSchema),
});

/** All cells, as `GET /v3/cells` shows them to administrators. */
export async function listCells(cf: CfClient): Promise<readonly ListedCell[]> {
  const cells: ListedCell[] = [];
  for (let page = 1, pages = 1; page <= pages; page += 1) {
    const answer = await cf.call('GET', `/v3/cells?per_page=50&page=${page}`, pageSchema);
    cells.push(...answer.resources);
    pages = answer.pagination.total_pages;
  }
  return cells;
}
