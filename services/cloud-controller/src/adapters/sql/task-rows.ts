import type { Sql, TaskRow } from './schema.ts';

/** Those that have not ended. */
export const LIVE_TASK_STATES = ['PENDING', 'RUNNING', 'CANCELING'] as const;

/** What a quota counts (cloud_controller_ng `running_and_pending_tasks_count`). */
const COUNTED_TASK_STATES = ['PENDING', 'RUNNING'] as const;

const PAGE = 500;

/** Undefined when there is no such task, or when it has ended. */
export function loadLiveTask(sql: Sql, guid: string): Promise<TaskRow | undefined> {
  return sql
    .selectFrom('tasks')
    .selectAll()
    .where('guid', '=', guid)
    .where('state', 'in', LIVE_TASK_STATES)
    .executeTakeFirst();
}

/** Every task that has not ended, in pages. */
export async function* loadLiveTasks(sql: Sql): AsyncGenerator<readonly TaskRow[]> {
  for (let after = 0; ; ) {
    const rows = await sql
      .selectFrom('tasks')
      .selectAll()
      .where('state', 'in', LIVE_TASK_STATES)
      .where('id', '>', after)
      .orderBy('id')
      .limit(PAGE)
      .execute();
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    after = last.id;
  }
}

/** What tasks of an organization, a space, or the whole platform take that wait or run. */
export async function loadTaskUsage(
  sql: Sql,
  where: { readonly organizationGuid: string } | { readonly spaceGuid: string } | Record<string, never>,
): Promise<{ readonly tasks: number; readonly memoryMb: number; readonly logRateBytesPerSecond: number }> {
  const rows = await sql
    .selectFrom('tasks')
    .innerJoin('apps', 'apps.guid', 'tasks.app_guid')
    .innerJoin('spaces', 'spaces.guid', 'apps.space_guid')
    .select(['tasks.memory_mb', 'tasks.log_rate_bytes_per_second'])
    .where('tasks.state', 'in', COUNTED_TASK_STATES)
    .$if('organizationGuid' in where, (query) =>
      query.where('spaces.organization_guid', '=', 'organizationGuid' in where ? where.organizationGuid : ''),
    )
    .$if('spaceGuid' in where, (query) => query.where('spaces.guid', '=', 'spaceGuid' in where ? where.spaceGuid : ''))
    .execute();
  return {
    tasks: rows.length,
    memoryMb: rows.reduce((sum, row) => sum + row.memory_mb, 0),
    logRateBytesPerSecond: rows.reduce((sum, row) => sum + Math.max(row.log_rate_bytes_per_second, 0), 0),
  };
}
