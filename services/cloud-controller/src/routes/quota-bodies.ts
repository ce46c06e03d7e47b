import { z } from 'zod';
import type { QuotaLimits } from '../resources/organization-quota.ts';
import { toManyBody } from './bodies.ts';

/** Null is unlimited; what is absent stays, or is unlimited in a new quota. */
const limit = z.int().min(0).max(Number.MAX_SAFE_INTEGER).nullable().optional();

const limitBodies = {
  apps: z
    .strictObject({
      total_memory_in_mb: limit,
      per_process_memory_in_mb: limit,
      total_instances: limit,
      per_app_tasks: limit,
      log_rate_limit_in_bytes_per_second: limit,
    })
    .optional(),
  services: z
    .strictObject({
      paid_services_allowed: z.boolean().optional(),
      total_service_instances: limit,
      total_service_keys: limit,
    })
    .optional(),
  routes: z.strictObject({ total_routes: limit, total_reserved_ports: limit }).optional(),
};
const name = z.string().min(1).max(250);
const domains = z.strictObject({ total_domains: limit }).optional();

export const newOrganizationQuotaBody = z.strictObject({
  name,
  ...limitBodies,
  domains,
  relationships: z.strictObject({ organizations: toManyBody.optional() }).optional(),
});
export const organizationQuotaUpdateBody = z.strictObject({ name: name.optional(), ...limitBodies, domains });
export const newSpaceQuotaBody = z.strictObject({
  name,
  ...limitBodies,
  relationships: z.strictObject({
    organization: z.strictObject({ data: z.strictObject({ guid: z.string().min(1) }) }),
    spaces: toManyBody.optional(),
  }),
});
export const spaceQuotaUpdateBody = z.strictObject({ name: name.optional(), ...limitBodies });

type Changes = Omit<z.infer<typeof organizationQuotaUpdateBody>, 'name'>;

/** A quota after a change of it. */
export function changeLimits(before: QuotaLimits, change: Changes): QuotaLimits {
  const merge = <T extends object>(old: T, update: object | undefined): T => ({
    ...old,
    ...Object.fromEntries(Object.entries(update ?? {}).filter(([, value]) => value !== undefined)),
  });
  return {
    apps: merge(before.apps, change.apps),
    services: merge(before.services, change.services),
    routes: merge(before.routes, change.routes),
    domains: merge(before.domains, change.domains),
  };
}
