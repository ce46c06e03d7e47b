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
  toOneOrNone,
  toOneOrNoneSchema,
  toOneSchema,
} from './shapes.ts';

export const spaceSchema = resourceSchema
  .extend({
    name: z.string(),
    relationships: z.object({ organization: toOneSchema, quota: toOneOrNoneSchema }),
    metadata: metadataSchema,
    links: z.object({
      self: linkSchema,
      organization: linkSchema,
      features: linkSchema,
      quota: linkSchema.optional(),
      apply_manifest: linkSchema,
    }),
  })
  .meta({ id: 'Space' });

export interface SpaceView extends ResourceRow {
  readonly name: string;
  readonly organization_guid: string;
  readonly quota_guid: string | null;
}

export function presentSpace(row: SpaceView, metadata: Metadata, link: Links): z.infer<typeof spaceSchema> {
  const self = `/v3/spaces/${row.guid}`;
  return {
    ...presentResource(row),
    name: row.name,
    relationships: { organization: toOne(row.organization_guid), quota: toOneOrNone(row.quota_guid) },
    metadata,
    links: {
      self: link(self),
      organization: link(`/v3/organizations/${row.organization_guid}`),
      features: link(`${self}/features`),
      ...(row.quota_guid === null ? {} : { quota: link(`/v3/space_quotas/${row.quota_guid}`) }),
      apply_manifest: link(`${self}/actions/apply_manifest`, 'POST'),
    },
  };
}
