import { databaseEngine } from '@slipway/database';
import { loadAppUsage } from '../adapters/sql/app-usage.ts';
import type { OrganizationRow } from '../adapters/sql/schema.ts';
import { loadTaskUsage } from '../adapters/sql/task-rows.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { type AppUsage, appQuotaProblems, countExceeded } from '../domain/quotas/quota-problems.ts';
import { type TaskDemand, taskQuotaProblems } from '../domain/quotas/task-quota-problems.ts';
import { unprocessable } from '../errors.ts';
import { type QuotaLimits, quotaLimitsSchema } from '../resources/organization-quota.ts';
import { type SpaceQuotaLimits, spaceQuotaLimitsSchema } from '../resources/space-quota.ts';

interface Quotas {
  readonly organization: { readonly guid: string; readonly name: string; readonly limits: QuotaLimits };
  /** No limits: the space has no quota of its own. */
  readonly space: { readonly guid: string; readonly name: string; readonly limits: SpaceQuotaLimits | undefined };
}

/**
 * The quotas that bind a space. On PostgreSQL the organization's row stays locked, so that two changes that would each
 * fit do not both pass; SQLite has one writer anyway.
 */
async function loadQuotas({ sql }: UnitOfWork, spaceGuid: string): Promise<Quotas> {
  const space = await sql.selectFrom('spaces').selectAll().where('guid', '=', spaceGuid).executeTakeFirstOrThrow();
  const query = sql.selectFrom('organizations').selectAll().where('guid', '=', space.organization_guid);
  const organization = await (databaseEngine(sql) === 'postgres' ? query.forUpdate() : query).executeTakeFirstOrThrow();
  const { limits } = await sql
    .selectFrom('organization_quotas')
    .select('limits')
    .where('guid', '=', organization.quota_guid)
    .executeTakeFirstOrThrow();
  const own =
    space.quota_guid === null
      ? undefined
      : await sql
          .selectFrom('space_quotas')
          .select('limits')
          .where('guid', '=', space.quota_guid)
          .executeTakeFirstOrThrow();
  return {
    organization: {
      guid: organization.guid,
      name: organization.name,
      limits: quotaLimitsSchema.parse(JSON.parse(limits)),
    },
    space: {
      guid: space.guid,
      name: space.name,
      limits: own === undefined ? undefined : spaceQuotaLimitsSchema.parse(JSON.parse(own.limits)),
    },
  };
}

const limitsApps = ({ apps }: Pick<QuotaLimits, 'apps'>): boolean =>
  apps.total_memory_in_mb !== null ||
  apps.per_process_memory_in_mb !== null ||
  apps.total_instances !== null ||
  apps.log_rate_limit_in_bytes_per_second !== null;

/**
 * Takes note of what started apps take; the result is called when the change is made, and throws 422 if that goes beyond
 * a quota. Costs little where nothing is limited.
 */
export async function watchAppQuotas(unit: UnitOfWork, spaceGuid: string): Promise<() => Promise<void>> {
  const { organization, space } = await loadQuotas(unit, spaceGuid);
  const scopes = [
    { scope: 'organization' as const, limits: organization.limits, where: { organizationGuid: organization.guid } },
    { scope: 'space' as const, limits: space.limits, where: { spaceGuid } },
  ].flatMap(({ limits, ...rest }) => (limits !== undefined && limitsApps(limits) ? [{ limits, ...rest }] : []));
  const before: AppUsage[] = [];
  for (const { where } of scopes) before.push(await loadAppUsage(unit.sql, where));
  return async () => {
    const problems: string[] = [];
    for (const [index, { scope, limits, where }] of scopes.entries()) {
      const was = before[index];
      if (was !== undefined)
        problems.push(...appQuotaProblems(scope, limits.apps, was, await loadAppUsage(unit.sql, where)));
    }
    if (problems.length > 0) throw unprocessable(...problems);
  };
}

/** Why quotas do not allow one more task. */
export async function quotaProblemsOfTask(unit: UnitOfWork, spaceGuid: string, task: TaskDemand): Promise<string[]> {
  const { organization, space } = await loadQuotas(unit, spaceGuid);
  const scopes = [
    { scope: 'organization' as const, ...organization, where: { organizationGuid: organization.guid } },
    { scope: 'space' as const, ...space, where: { spaceGuid } },
  ];
  const problems: string[] = [];
  for (const { scope, name, limits, where } of scopes) {
    if (limits === undefined || !(limitsApps(limits) || limits.apps.per_app_tasks !== null)) continue;
    const { tasks } = await loadTaskUsage(unit.sql, where);
    const used = { ...(await loadAppUsage(unit.sql, where)), tasks };
    problems.push(...taskQuotaProblems(scope, name, limits.apps, used, task));
  }
  return problems;
}

/** Throws 422 when the routes there are now are more than a quota allows. */
export async function requireRouteQuota(unit: UnitOfWork, spaceGuid: string): Promise<void> {
  const { organization, space } = await loadQuotas(unit, spaceGuid);
  const routes = unit.sql
    .selectFrom('routes')
    .innerJoin('spaces', 'spaces.guid', 'routes.space_guid')
    .select((eb) => eb.fn.countAll<number>().as('count'));
  if (organization.limits.routes.total_routes !== null) {
    const { count } = await routes.where('spaces.organization_guid', '=', organization.guid).executeTakeFirstOrThrow();
    if (countExceeded(organization.limits.routes.total_routes, count)) {
      throw unprocessable(`Routes quota exceeded for organization '${organization.name}'.`);
    }
  }
  if (space.limits === undefined || space.limits.routes.total_routes === null) return;
  const { count } = await routes.where('spaces.guid', '=', spaceGuid).executeTakeFirstOrThrow();
  if (countExceeded(space.limits.routes.total_routes, count)) {
    throw unprocessable(`Routes quota exceeded for space '${space.name}'.`);
  }
}

/** Throws 422 when the private domains there are now are more than the quota allows. */
export async function requireDomainQuota({ sql }: UnitOfWork, organization: OrganizationRow): Promise<void> {
  const quota = await sql
    .selectFrom('organization_quotas')
    .select('limits')
    .where('guid', '=', organization.quota_guid)
    .executeTakeFirstOrThrow();
  const { domains } = quotaLimitsSchema.parse(JSON.parse(quota.limits));
  if (domains.total_domains === null) return;
  const { count } = await sql
    .selectFrom('domains')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('organization_guid', '=', organization.guid)
    .executeTakeFirstOrThrow();
  if (countExceeded(domains.total_domains, count)) {
    throw unprocessable(`The number of private domains exceeds the quota for organization "${organization.name}"`);
  }
}
