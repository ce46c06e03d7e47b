import { z } from 'zod';
import type { Metadata } from '../domain/metadata.ts';
import { lastOperationSchema, presentLastOperation } from './service-instance.ts';
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

export const serviceBindingSchema = resourceSchema
  .extend({
    name: z.string().nullable(),
    type: z.literal('app'),
    last_operation: lastOperationSchema,
    metadata: metadataSchema,
    relationships: z.object({ app: toOneSchema, service_instance: toOneSchema }),
    links: z.object({ self: linkSchema, details: linkSchema, service_instance: linkSchema, app: linkSchema }),
  })
  .meta({ id: 'ServiceBinding' });

export const serviceBindingDetailsSchema = z
  .object({
    credentials: z.record(z.string(), z.unknown()),
    volume_mounts: z.array(
      z.object({ container_dir: z.string(), device_type: z.literal('shared'), mode: z.enum(['r', 'rw']) }),
    ),
  })
  .meta({ id: 'ServiceBindingDetails' });

export interface ServiceBindingView extends ResourceRow {
  readonly name: string | null;
  readonly app_guid: string;
  readonly service_instance_guid: string;
}

export function presentServiceBinding(
  row: ServiceBindingView,
  metadata: Metadata,
  link: Links,
): z.infer<typeof serviceBindingSchema> {
  const self = `/v3/service_credential_bindings/${row.guid}`;
  return {
    ...presentResource(row),
    name: row.name,
    type: 'app',
    last_operation: presentLastOperation(row),
    metadata,
    relationships: { app: toOne(row.app_guid), service_instance: toOne(row.service_instance_guid) },
    links: {
      self: link(self),
      details: link(`${self}/details`),
      service_instance: link(`/v3/service_instances/${row.service_instance_guid}`),
      app: link(`/v3/apps/${row.app_guid}`),
    },
  };
}
