import { z } from 'zod';
import type { Metadata } from '../domain/metadata.ts';
import { buildErrorText } from '../domain/staging/staging-failure.ts';
import { dockerLifecycle, dockerLifecycleSchema } from './app.ts';
import {
  type Links,
  linkSchema,
  metadataSchema,
  presentResource,
  type ResourceRow,
  resourceSchema,
  toOne,
  toOneSchema,
} from './shapes.ts';

export const buildSchema = resourceSchema
  .extend({
    created_by: z.object({ guid: z.string(), name: z.string().nullable(), email: z.string().nullable() }),
    state: z.enum(['STAGING', 'STAGED', 'FAILED']),
    staging_memory_in_mb: z.int(),
    staging_disk_in_mb: z.int(),
    staging_log_rate_limit_bytes_per_second: z.int(),
    error: z.string().nullable(),
    lifecycle: dockerLifecycleSchema,
    package: z.object({ guid: z.string() }),
    droplet: z.object({ guid: z.string() }).nullable(),
    relationships: z.object({ app: toOneSchema }),
    metadata: metadataSchema,
    links: z.object({ self: linkSchema, app: linkSchema, droplet: linkSchema.optional() }),
  })
  .meta({ id: 'Build' });

export interface BuildView extends ResourceRow {
  readonly app_guid: string;
  readonly package_guid: string;
  readonly state: 'STAGING' | 'STAGED' | 'FAILED';
  readonly error_id: string | null;
  readonly error_description: string | null;
  readonly droplet_guid: string | null;
  readonly staging_memory_mb: number;
  readonly staging_disk_mb: number;
  readonly staging_log_rate_bytes_per_second: number;
  readonly created_by_guid: string;
  readonly created_by_name: string | null;
  readonly created_by_email: string | null;
}

export function presentBuild(row: BuildView, metadata: Metadata, link: Links): z.infer<typeof buildSchema> {
  const droplet = row.droplet_guid;
  return {
    ...presentResource(row),
    created_by: { guid: row.created_by_guid, name: row.created_by_name, email: row.created_by_email },
    state: row.state,
    staging_memory_in_mb: row.staging_memory_mb,
    staging_disk_in_mb: row.staging_disk_mb,
    staging_log_rate_limit_bytes_per_second: row.staging_log_rate_bytes_per_second,
    error: buildErrorText(row.error_id, row.error_description),
    lifecycle: dockerLifecycle,
    package: { guid: row.package_guid },
    droplet: droplet === null ? null : { guid: droplet },
    relationships: { app: toOne(row.app_guid) },
    metadata,
    links: {
      self: link(`/v3/builds/${row.guid}`),
      app: link(`/v3/apps/${row.app_guid}`),
      ...(droplet === null ? {} : { droplet: link(`/v3/droplets/${droplet}`) }),
    },
  };
}
