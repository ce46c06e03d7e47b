import { z } from 'zod';
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

export const taskStates = ['PENDING', 'RUNNING', 'CANCELING', 'SUCCEEDED', 'FAILED'] as const;

export const taskSchema = resourceSchema
  .extend({
    sequence_id: z.int(),
    name: z.string(),
    /** Only for those who may read secrets, and never in lists of several apps. */
    command: z.string().optional(),
    user: z.string(),
    state: z.enum(taskStates),
    memory_in_mb: z.int(),
    disk_in_mb: z.int(),
    log_rate_limit_in_bytes_per_second: z.int(),
    /** Always an object: the cf CLI takes it for one. */
    result: z.object({ failure_reason: z.string().nullable() }),
    droplet_guid: z.string(),
    relationships: z.object({ app: toOneSchema }),
    metadata: metadataSchema,
    links: z.object({ self: linkSchema, app: linkSchema, cancel: linkSchema, droplet: linkSchema }),
  })
  .meta({ id: 'Task' });

export interface TaskView extends ResourceRow {
  readonly sequence_id: number;
  readonly name: string;
  readonly run_as: string;
  readonly state: (typeof taskStates)[number];
  readonly memory_mb: number;
  readonly disk_mb: number;
  readonly log_rate_bytes_per_second: number;
  readonly failure_reason: string | null;
  readonly droplet_guid: string;
  readonly app_guid: string;
}

/** `command`: undefined where it is not to be shown. */
export function presentTask(
  row: TaskView,
  command: string | undefined,
  metadata: Metadata,
  link: Links,
): z.infer<typeof taskSchema> {
  const self = `/v3/tasks/${row.guid}`;
  return {
    ...presentResource(row),
    sequence_id: row.sequence_id,
    name: row.name,
    ...(command === undefined ? {} : { command }),
    user: row.run_as,
    state: row.state,
    memory_in_mb: row.memory_mb,
    disk_in_mb: row.disk_mb,
    log_rate_limit_in_bytes_per_second: row.log_rate_bytes_per_second,
    result: { failure_reason: row.failure_reason },
    droplet_guid: row.droplet_guid,
    relationships: { app: toOne(row.app_guid) },
    metadata,
    links: {
      self: link(self),
      app: link(`/v3/apps/${row.app_guid}`),
      cancel: link(`${self}/actions/cancel`, 'POST'),
      droplet: link(`/v3/droplets/${row.droplet_guid}`),
    },
  };
}
