import { z } from 'zod';
import { quotaLimitsSchema } from './organization-quota.ts';
import {
  type Links,
  linkSchema,
  presentResource,
  type ResourceRow,
  resourceSchema,
  toManySchema,
  toOne,
  toOneSchema,
} from './shapes.ts';

/** As an organization's, but for domains, which spaces do not have. Null is unlimited. */
export const spaceQuotaLimitsSchema = quotaLimitsSchema.omit({ domains: true }).meta({ id: 'SpaceQuotaLimits' });
export type SpaceQuotaLimits = z.infer<typeof spaceQuotaLimitsSchema>;

export const spaceQuotaSchema = resourceSchema
  .extend({
    name: z.string(),
    ...spaceQuotaLimitsSchema.shape,
    relationships: z.object({ organization: toOneSchema, spaces: toManySchema }),
    links: z.object({ self: linkSchema, organization: linkSchema }),
  })
  .meta({ id: 'SpaceQuota' });

export interface SpaceQuotaView extends ResourceRow {
  readonly name: string;
  readonly organization_guid: string;
  readonly limits: string;
}

export function presentSpaceQuota(
  row: SpaceQuotaView,
  spaceGuids: readonly string[],
  link: Links,
): z.infer<typeof spaceQuotaSchema> {
  return {
    ...presentResource(row),
    name: row.name,
    ...spaceQuotaLimitsSchema.parse(JSON.parse(row.limits)),
    relationships: {
      organization: toOne(row.organization_guid),
      spaces: { data: spaceGuids.map((guid) => ({ guid })) },
    },
    links: {
      self: link(`/v3/space_quotas/${row.guid}`),
      organization: link(`/v3/organizations/${row.organization_guid}`),
    },
  };
}
