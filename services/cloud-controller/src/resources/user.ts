import { z } from 'zod';
import type { Metadata } from '../domain/metadata.ts';
import { type Links, linkSchema, metadataSchema, presentResource, type ResourceRow, resourceSchema } from './shapes.ts';

export const userSchema = resourceSchema
  .extend({
    /** Null for a client, and for a user that uaa does not know any more. */
    username: z.string().nullable(),
    presentation_name: z.string(),
    origin: z.string().nullable(),
    metadata: metadataSchema,
    links: z.object({ self: linkSchema }),
  })
  .meta({ id: 'User' });

/** What uaa says of a user. */
export interface UserName {
  readonly userName: string;
  readonly origin: string;
}

export function presentUser(
  row: ResourceRow,
  name: UserName | undefined,
  metadata: Metadata,
  link: Links,
): z.infer<typeof userSchema> {
  return {
    ...presentResource(row),
    username: name?.userName ?? null,
    presentation_name: name?.userName ?? row.guid,
    origin: name?.origin ?? null,
    metadata,
    links: { self: link(`/v3/users/${encodeURIComponent(row.guid)}`) },
  };
}
