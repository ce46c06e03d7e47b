import { z } from 'zod';
import type { Metadata } from '../domain/metadata.ts';
import { type Links, linkSchema, metadataSchema, presentResource, type ResourceRow, resourceSchema } from './shapes.ts';

export const isolationSegmentSchema = resourceSchema
  .extend({
    name: z.string(),
    metadata: metadataSchema,
    links: z.object({ self: linkSchema, organizations: linkSchema }),
  })
  .meta({ id: 'IsolationSegment' });

export function presentIsolationSegment(
  row: ResourceRow & { readonly name: string },
  metadata: Metadata,
  link: Links,
): z.infer<typeof isolationSegmentSchema> {
  const self = `/v3/isolation_segments/${row.guid}`;
  return {
    ...presentResource(row),
    name: row.name,
    metadata,
    links: { self: link(self), organizations: link(`${self}/organizations`) },
  };
}
