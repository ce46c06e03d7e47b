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

export const organizationSchema = resourceSchema
  .extend({
    name: z.string(),
    suspended: z.boolean(),
    relationships: z.object({ quota: toOneSchema }),
    metadata: metadataSchema,
    links: z.object({ self: linkSchema, domains: linkSchema, default_domain: linkSchema, quota: linkSchema }),
  })
  .meta({ id: 'Organization' });

export interface OrganizationView extends ResourceRow {
  readonly name: string;
  readonly suspended: number;
  readonly quota_guid: string;
}

export function presentOrganization(
  row: OrganizationView,
  metadata: Metadata,
  link: Links,
): z.infer<typeof organizationSchema> {
  const self = `/v3/organizations/${row.guid}`;
  return {
    ...presentResource(row),
    name: row.name,
    suspended: row.suspended === 1,
    relationships: { quota: toOne(row.quota_guid) },
    metadata,
    links: {
      self: link(self),
      domains: link(`${self}/domains`),
      default_domain: link(`${self}/domains/default`),
      quota: link(`/v3/organization_quotas/${row.quota_guid}`),
    },
  };
}
