import { randomUUID } from 'node:crypto';
import { SHARED_SEGMENT } from '../../domain/shared-segment.ts';
import type { QuotaLimits } from '../../resources/organization-quota.ts';
import type { Db } from './schema.ts';

/** Without limits: whoever owns the machine sets them. */
export const unlimitedQuota: QuotaLimits = {
  apps: {
    total_memory_in_mb: null,
    per_process_memory_in_mb: null,
    total_instances: null,
    per_app_tasks: null,
    log_rate_limit_in_bytes_per_second: null,
  },
  services: { paid_services_allowed: true, total_service_instances: null, total_service_keys: null },
  routes: { total_routes: null, total_reserved_ports: null },
  domains: { total_domains: null },
};

/** By whose names apps find one another, as on Cloud Foundry. */
const INTERNAL_DOMAIN = 'apps.internal';

export const DEFAULT_QUOTA = 'default';

/**
 * Gives a new platform its shared domain and its internal one, the shared isolation segment and the quota of new organizations. A domain is
 * added only while there is no shared one: an operator who deleted or renamed it meant it.
 */
export async function seed(db: Db, options: { readonly appsDomain: string; readonly now: string }): Promise<void> {
  const base = { created_at: options.now, updated_at: options.now };
  await db.transaction().execute(async (sql) => {
    const quota = await sql.selectFrom('organization_quotas').select('id').limit(1).executeTakeFirst();
    if (quota === undefined) {
      await sql
        .insertInto('organization_quotas')
        .values({ ...base, guid: randomUUID(), name: DEFAULT_QUOTA, limits: JSON.stringify(unlimitedQuota) })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    }
    await sql
      .insertInto('isolation_segments')
      .values({ ...base, ...SHARED_SEGMENT })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const anyDomain = await sql.selectFrom('domains').select('id').limit(1).executeTakeFirst();
    const domain = await sql
      .selectFrom('domains')
      .select('id')
      .where('organization_guid', 'is', null)
      .where('internal', '=', 0)
      .limit(1)
      .executeTakeFirst();
    if (domain === undefined) {
      await sql
        .insertInto('domains')
        .values({
          ...base,
          guid: randomUUID(),
          name: options.appsDomain.toLowerCase(),
          internal: 0,
          organization_guid: null,
        })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    }
    if (anyDomain === undefined) {
      await sql
        .insertInto('domains')
        .values({ ...base, guid: randomUUID(), name: INTERNAL_DOMAIN, internal: 1, organization_guid: null })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    }
  });
}
