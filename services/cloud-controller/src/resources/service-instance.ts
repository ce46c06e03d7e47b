import { z } from 'zod';
import type { Metadata } from '../domain/metadata.ts';
import {
  apiTime,
  apiTimeSchema,
  type Links,
  linkSchema,
  metadataSchema,
  presentResource,
  type ResourceRow,
  resourceSchema,
  toOne,
  toOneSchema,
} from './shapes.ts';

export const lastOperationSchema = z
  .object({
    type: z.enum(['create', 'update']),
    state: z.literal('succeeded'),
    description: z.string(),
    created_at: apiTimeSchema,
    updated_at: apiTimeSchema,
  })
  .meta({ id: 'LastOperation' });

export const serviceInstanceSchema = resourceSchema
  .extend({
    name: z.string(),
    type: z.literal('user-provided'),
    tags: z.array(z.string()),
    syslog_drain_url: z.null(),
    route_service_url: z.null(),
    last_operation: lastOperationSchema,
    relationships: z.object({ space: toOneSchema }),
    metadata: metadataSchema,
    links: z.object({
      self: linkSchema,
      space: linkSchema,
      credentials: linkSchema,
      service_credential_bindings: linkSchema,
      service_route_bindings: linkSchema,
    }),
  })
  .meta({ id: 'ServiceInstance' });

export interface ServiceInstanceView extends ResourceRow {
  readonly name: string;
  readonly space_guid: string;
  readonly tags: string;
}

/** Whatever is done to a user-provided service is done at once. */
export function presentLastOperation(row: ResourceRow): z.infer<typeof lastOperationSchema> {
  return {
    type: row.created_at === row.updated_at ? 'create' : 'update',
    state: 'succeeded',
    description: 'Operation succeeded',
    created_at: apiTime(row.created_at),
    updated_at: apiTime(row.updated_at),
  };
}

/** Without its credentials, which have an endpoint of their own. */
export function presentServiceInstance(
  row: ServiceInstanceView,
  metadata: Metadata,
  link: Links,
): z.infer<typeof serviceInstanceSchema> {
  const self = `/v3/service_instances/${row.guid}`;
  return {
    ...presentResource(row),
    name: row.name,
    type: 'user-provided',
    tags: z.array(z.string()).parse(JSON.parse(row.tags)),
    syslog_drain_url: null,
    route_service_url: null,
    last_operation: presentLastOperation(row),
    relationships: { space: toOne(row.space_guid) },
    metadata,
    links: {
      self: link(self),
      space: link(`/v3/spaces/${row.space_guid}`),
      credentials: link(`${self}/credentials`),
      service_credential_bindings: link(`/v3/service_credential_bindings?service_instance_guids=${row.guid}`),
      service_route_bindings: link(`/v3/service_route_bindings?service_instance_guids=${row.guid}`),
    },
  };
}
