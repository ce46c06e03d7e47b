import { z } from 'zod';
import type { Metadata } from '../domain/metadata.ts';
import {
  type Links,
  linkSchema,
  metadataSchema,
  presentResource,
  type ResourceRow,
  resourceSchema,
  toManySchema,
  toOneOrNone,
  toOneOrNoneSchema,
} from './shapes.ts';

export const domainSchema = resourceSchema
  .extend({
    name: z.string(),
    internal: z.boolean(),
    router_group: z.null(),
    supported_protocols: z.array(z.string()),
    relationships: z.object({ organization: toOneOrNoneSchema, shared_organizations: toManySchema }),
    metadata: metadataSchema,
    links: z.object({
      self: linkSchema,
      organization: linkSchema.optional(),
      route_reservations: linkSchema,
      shared_organizations: linkSchema.optional(),
    }),
  })
  .meta({ id: 'Domain' });

export interface DomainView extends ResourceRow {
  readonly name: string;
  readonly internal: number;
  readonly organization_guid: string | null;
}

export function presentDomain(
  row: DomainView,
  sharedOrganizations: readonly string[],
  metadata: Metadata,
  link: Links,
): z.infer<typeof domainSchema> {
  const self = `/v3/domains/${row.guid}`;
  const owner = row.organization_guid;
  return {
    ...presentResource(row),
    name: row.name,
    internal: row.internal === 1,
    router_group: null,
    supported_protocols: ['http'],
    relationships: {
      organization: toOneOrNone(owner),
      shared_organizations: { data: sharedOrganizations.map((guid) => ({ guid })) },
    },
    metadata,
    links: {
      self: link(self),
      ...(owner === null
        ? {}
        : {
            organization: link(`/v3/organizations/${owner}`),
            shared_organizations: link(`${self}/relationships/shared_organizations`),
          }),
      route_reservations: link(`${self}/route_reservations`),
    },
  };
}
