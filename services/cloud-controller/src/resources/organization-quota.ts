import { z } from 'zod';
import { type Links, linkSchema, presentResource, type ResourceRow, resourceSchema, toManySchema } from './shapes.ts';

const limit = z.int().nullable();

/** Null is unlimited. */
export const quotaLimitsSchema = z
  .object({
    apps: z.object({
      total_memory_in_mb: limit,
      per_process_memory_in_mb: limit,
      total_instances: limit,
      per_app_tasks: limit,
      log_rate_limit_in_bytes_per_second: limit,
    }),
    services: z.object({
      paid_services_allowed: z.boolean(),
      total_service_instances: limit,
      total_service_keys: limit,
    }),
    routes: z.object({ total_routes: limit, total_reserved_ports: limit }),
    domains: z.object({ total_domains: limit }),
  })
  .meta({ id: 'QuotaLimits' });
export type QuotaLimits = z.infer<typeof quotaLimitsSchema>;

export const organizationQuotaSchema = resourceSchema
  .extend({
    name: z.string(),
    ...quotaLimitsSchema.shape,
    relationships: z.object({ organizations: toManySchema }),
    links: z.object({ self: linkSchema }),
  })
  .meta({ id: 'OrganizationQuota' });

export interface OrganizationQuotaView extends ResourceRow {
  readonly name: string;
  readonly limits: string;
}

export function presentOrganizationQuota(
  row: OrganizationQuotaView,
  organizationGuids: readonly string[],
  link: Links,
): z.infer<typeof organizationQuotaSchema> {
  return {
    ...presentResource(row),
    name: row.name,
    ...quotaLimitsSchema.parse(JSON.parse(row.limits)),
    relationships: { organizations: { data: organizationGuids.map((guid) => ({ guid })) } },
    links: { self: link(`/v3/organization_quotas/${row.guid}`) },
  };
}
