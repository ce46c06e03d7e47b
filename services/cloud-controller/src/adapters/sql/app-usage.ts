import type { AppUsage } from '../../domain/quotas/quota-problems.ts';
import type { Sql } from './schema.ts';
import { loadTaskUsage } from './task-rows.ts';

/** What started apps and tasks of an organization, a space, or the whole platform take. */
export async function loadAppUsage(
  sql: Sql,
  where: { readonly organizationGuid: string } | { readonly spaceGuid: string } | Record<string, never>,
): Promise<AppUsage> {
  const rows = await sql
    .selectFrom('processes')
    .innerJoin('apps', 'apps.guid', 'processes.app_guid')
    .innerJoin('spaces', 'spaces.guid', 'apps.space_guid')
    .select(['processes.guid', 'processes.memory_mb', 'processes.instances', 'processes.log_rate_bytes_per_second'])
    .where('apps.desired_state', '=', 'STARTED')
    .where('processes.instances', '>', 0)
    .$if('organizationGuid' in where, (query) =>
      query.where('spaces.organization_guid', '=', 'organizationGuid' in where ? where.organizationGuid : ''),
    )
    .$if('spaceGuid' in where, (query) => query.where('spaces.guid', '=', 'spaceGuid' in where ? where.spaceGuid : ''))
    .execute();
  const sum = (of: (row: (typeof rows)[number]) => number): number =>
    rows.reduce((total, row) => total + of(row) * row.instances, 0);
  const tasks = await loadTaskUsage(sql, where);
  return {
    memoryMb: tasks.memoryMb + sum((row) => row.memory_mb),
    processMb: Object.fromEntries(rows.map((row) => [row.guid, row.memory_mb])),
    instances: sum(() => 1),
    logRateBytesPerSecond: tasks.logRateBytesPerSecond + sum((row) => Math.max(row.log_rate_bytes_per_second, 0)),
    unlimitedLogRates: sum((row) => (row.log_rate_bytes_per_second < 0 ? 1 : 0)),
  };
}
