import { z } from 'zod';
import { presentResource, type ResourceRow, resourceSchema, toOne, toOneSchema } from './shapes.ts';

export const sidecarSchema = resourceSchema
  .extend({
    name: z.string(),
    command: z.string(),
    process_types: z.array(z.string()),
    memory_in_mb: z.int().nullable(),
    /** Buildpacks have none here. */
    origin: z.literal('user'),
    relationships: z.object({ app: toOneSchema }),
  })
  .meta({ id: 'Sidecar' });

export interface SidecarView extends ResourceRow {
  readonly app_guid: string;
  readonly name: string;
  readonly command: string;
  readonly memory_mb: number | null;
  readonly types: readonly string[];
}

export function presentSidecar(row: SidecarView): z.infer<typeof sidecarSchema> {
  return {
    ...presentResource(row),
    name: row.name,
    command: row.command,
    process_types: [...row.types],
    memory_in_mb: row.memory_mb,
    origin: 'user',
    relationships: { app: toOne(row.app_guid) },
  };
}
