import { z } from 'zod';
import type { ProcessSettings } from '../domain/manifest/process-change.ts';
import type { Metadata } from '../domain/metadata.ts';
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

const seconds = z.int().nullable();

const healthCheckSchema = z.object({
  type: z.enum(['port', 'http', 'process']),
  data: z.object({
    timeout: seconds,
    invocation_timeout: seconds,
    interval: seconds,
    endpoint: z.string().nullable().optional(),
  }),
});

const readinessSchema = z.object({
  type: z.enum(['port', 'http', 'process']),
  data: z.object({
    invocation_timeout: seconds,
    interval: seconds,
    endpoint: z.string().nullable().optional(),
  }),
});

export const processSchema = resourceSchema
  .extend({
    type: z.string(),
    command: z.string().nullable(),
    user: z.string().nullable(),
    instances: z.int(),
    memory_in_mb: z.int(),
    disk_in_mb: z.int(),
    log_rate_limit_in_bytes_per_second: z.int(),
    health_check: healthCheckSchema,
    readiness_health_check: readinessSchema,
    relationships: z.object({ app: toOneSchema, revision: toOneSchema.nullable() }),
    metadata: metadataSchema,
    links: z.object({
      self: linkSchema,
      scale: linkSchema,
      app: linkSchema,
      space: linkSchema,
      stats: linkSchema,
    }),
  })
  .meta({ id: 'Process' });

/** What stands in lists for a command, which may hold secrets. */
const HIDDEN_COMMAND = '[PRIVATE DATA HIDDEN IN LISTS]';

export interface ProcessView extends ResourceRow, ProcessSettings {
  readonly app_guid: string;
  readonly type: string;
  readonly revision_guid: string | null;
}

export interface ProcessExtras {
  readonly spaceGuid: string;
  /** What runs, and as whom, when the user says nothing; undefined when nothing was staged. */
  readonly image: { readonly command: string; readonly user: string } | undefined;
  readonly inList: boolean;
}

export function presentProcess(
  row: ProcessView,
  extras: ProcessExtras,
  metadata: Metadata,
  link: Links,
): z.infer<typeof processSchema> {
  const self = `/v3/processes/${row.guid}`;
  const command = row.command ?? extras.image?.command ?? null;
  return {
    ...presentResource(row),
    type: row.type,
    command: command !== null && extras.inList ? HIDDEN_COMMAND : command,
    // Nothing was staged: it will be the image's.
    user: row.run_as ?? extras.image?.user ?? null,
    instances: row.instances,
    memory_in_mb: row.memory_mb,
    disk_in_mb: row.disk_mb,
    log_rate_limit_in_bytes_per_second: row.log_rate_bytes_per_second,
    health_check: {
      type: row.health_check_type,
      data: {
        timeout: row.health_check_timeout,
        invocation_timeout: row.health_check_invocation_timeout,
        interval: row.health_check_interval,
        ...(row.health_check_type === 'http' ? { endpoint: row.health_check_endpoint } : {}),
      },
    },
    readiness_health_check: {
      type: row.readiness_type,
      data: {
        invocation_timeout: row.readiness_invocation_timeout,
        interval: row.readiness_interval,
        ...(row.readiness_type === 'http' ? { endpoint: row.readiness_endpoint } : {}),
      },
    },
    relationships: { app: toOne(row.app_guid), revision: row.revision_guid === null ? null : toOne(row.revision_guid) },
    metadata,
    links: {
      self: link(self),
      scale: link(`${self}/actions/scale`, 'POST'),
      app: link(`/v3/apps/${row.app_guid}`),
      space: link(`/v3/spaces/${extras.spaceGuid}`),
      stats: link(`${self}/stats`),
    },
  };
}
