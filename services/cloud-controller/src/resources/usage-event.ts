import { z } from 'zod';
import { type Links, linkSchema, presentResource, type ResourceRow, resourceSchema } from './shapes.ts';

const named = z.object({ guid: z.string(), name: z.string() });
const nobody = z.object({ guid: z.null(), name: z.null() });
const none = { guid: null, name: null } as const;

export const appUsageEventSchema = resourceSchema.extend({
  state: z.object({ current: z.string(), previous: z.string() }),
  app: named,
  process: z.object({ guid: z.string().nullable(), type: z.string().nullable() }),
  space: named,
  organization: z.object({ guid: z.string() }),
  buildpack: nobody,
  task: z.object({ guid: z.string().nullable(), name: z.string().nullable() }),
  memory_in_mb_per_instance: z.object({ current: z.int(), previous: z.int() }),
  instance_count: z.object({ current: z.int(), previous: z.int() }),
  links: z.object({ self: linkSchema }),
});

export interface AppUsageEventView extends ResourceRow {
  readonly state: string;
  readonly previous_state: string;
  readonly app_guid: string;
  readonly app_name: string;
  readonly process_guid: string | null;
  readonly process_type: string | null;
  readonly task_guid: string | null;
  readonly task_name: string | null;
  readonly space_guid: string;
  readonly space_name: string;
  readonly organization_guid: string;
  readonly memory_mb: number;
  readonly previous_memory_mb: number;
  readonly instances: number;
  readonly previous_instances: number;
}

export function presentAppUsageEvent(row: AppUsageEventView, link: Links): z.infer<typeof appUsageEventSchema> {
  return {
    ...presentResource(row),
    state: { current: row.state, previous: row.previous_state },
    app: { guid: row.app_guid, name: row.app_name },
    process: { guid: row.process_guid, type: row.process_type },
    space: { guid: row.space_guid, name: row.space_name },
    organization: { guid: row.organization_guid },
    buildpack: none,
    task: { guid: row.task_guid, name: row.task_name },
    memory_in_mb_per_instance: { current: row.memory_mb, previous: row.previous_memory_mb },
    instance_count: { current: row.instances, previous: row.previous_instances },
    links: { self: link(`/v3/app_usage_events/${row.guid}`) },
  };
}

export const serviceUsageEventSchema = resourceSchema.extend({
  state: z.string(),
  space: named,
  organization: z.object({ guid: z.string() }),
  service_instance: named.extend({ type: z.literal('user_provided_service_instance') }),
  service_plan: nobody,
  service_offering: nobody,
  service_broker: nobody,
  links: z.object({ self: linkSchema }),
});

export interface ServiceUsageEventView extends ResourceRow {
  readonly state: string;
  readonly service_instance_guid: string;
  readonly service_instance_name: string;
  readonly space_guid: string;
  readonly space_name: string;
  readonly organization_guid: string;
}

export function presentServiceUsageEvent(
  row: ServiceUsageEventView,
  link: Links,
): z.infer<typeof serviceUsageEventSchema> {
  return {
    ...presentResource(row),
    state: row.state,
    space: { guid: row.space_guid, name: row.space_name },
    organization: { guid: row.organization_guid },
    service_instance: {
      guid: row.service_instance_guid,
      name: row.service_instance_name,
      type: 'user_provided_service_instance',
    },
    service_plan: none,
    service_offering: none,
    service_broker: none,
    links: { self: link(`/v3/service_usage_events/${row.guid}`) },
  };
}
