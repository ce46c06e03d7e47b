import { type Expression, type SqlBool, sql } from 'kysely';
import type { UsageSummary } from '../../resources/usage-summary.ts';
import { loadAppUsage } from './app-usage.ts';
import type { Sql } from './schema.ts';
import { loadTaskUsage } from './task-rows.ts';

/** The whole platform, an organization, or a space. */
export type UsageScope =
  | { readonly kind: 'platform' }
  | { readonly kind: 'organization'; readonly guid: string }
  | { readonly kind: 'space'; readonly guid: string; readonly organizationGuid: string };

/**
 * What is taken of what quotas limit, as Cloud Foundry counts: user-provided services are in no quota, the domains of a
 * space are its organization's, and there are neither tcp routes nor service keys.
 */
export async function loadUsageSummary(db: Sql, scope: UsageScope): Promise<UsageSummary> {
  const { memoryMb, instances } = await loadAppUsage(db, appsOf(scope));
  const { tasks } = await loadTaskUsage(db, appsOf(scope));
  const { routes } = await db
    .selectFrom('routes')
    .innerJoin('spaces', 'spaces.guid', 'routes.space_guid')
    .select((eb) => eb.fn.countAll<number>().as('routes'))
    .where(isOf(scope, 'spaces.organization_guid', 'spaces.guid'))
    .executeTakeFirstOrThrow();
  const { domains } = await db
    .selectFrom('domains')
    .select((eb) => eb.fn.countAll<number>().as('domains'))
    .where('organization_guid', 'is not', null)
    .where(isOf(scope, 'domains.organization_guid'))
    .executeTakeFirstOrThrow();
  return {
    started_instances: instances,
    memory_in_mb: memoryMb,
    routes,
    service_instances: 0,
    reserved_ports: 0,
    domains,
    per_app_tasks: tasks,
    service_keys: 0,
  };
}

function appsOf(scope: UsageScope): Parameters<typeof loadAppUsage>[1] {
  if (scope.kind === 'platform') return {};
  return scope.kind === 'organization' ? { organizationGuid: scope.guid } : { spaceGuid: scope.guid };
}

function isOf(scope: UsageScope, organization: string, space?: string): Expression<SqlBool> {
  if (scope.kind === 'platform') return sql<SqlBool>`1 = 1`;
  if (scope.kind === 'organization') return sql<SqlBool>`${sql.ref(organization)} = ${scope.guid}`;
  return space === undefined
    ? sql<SqlBool>`${sql.ref(organization)} = ${scope.organizationGuid}`
    : sql<SqlBool>`${sql.ref(space)} = ${scope.guid}`;
}
