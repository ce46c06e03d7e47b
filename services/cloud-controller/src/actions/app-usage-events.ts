import { randomUUID } from 'node:crypto';
import type { Insertable } from 'kysely';
import type { AppRow, Database, Sql, TaskRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { type ProcessUsage, type UsageChange, usageChanges } from '../domain/usage/usage-changes.ts';

/** Where something was used, by the names of then. */
interface Place {
  readonly app: Pick<AppRow, 'guid' | 'name'>;
  readonly space: { readonly guid: string; readonly name: string };
  readonly organizationGuid: string;
}

/**
 * Takes note of what an app uses; the result is called when the unit has made its changes, and notes what became of it
 * (cloud_controller_ng `app_usage_event_repository.rb`).
 */
export async function trackAppUsage(unit: UnitOfWork, app: AppRow): Promise<() => Promise<void>> {
  const before = await loadProcessUsage(unit.sql, app.guid);
  const place = await placeOf(unit.sql, app);
  return async () => {
    const after = await loadProcessUsage(unit.sql, app.guid);
    for (const change of usageChanges(before, after)) await addAppUsageEvent(unit, place, change);
  };
}

async function placeOf(sql: Sql, app: AppRow): Promise<Place> {
  const space = await sql
    .selectFrom('spaces')
    .select(['guid', 'name', 'organization_guid'])
    .where('guid', '=', app.space_guid)
    .executeTakeFirstOrThrow();
  return { app, space, organizationGuid: space.organization_guid };
}

/** Of one app, or of all. Stopped apps use nothing. */
async function loadProcessUsage(sql: Sql, appGuid: string): Promise<ProcessUsage[]> {
  const rows = await sql
    .selectFrom('processes')
    .innerJoin('apps', 'apps.guid', 'processes.app_guid')
    .select(['processes.guid', 'processes.type', 'processes.instances', 'processes.memory_mb'])
    .where('apps.guid', '=', appGuid)
    .where('apps.desired_state', '=', 'STARTED')
    .orderBy('processes.id')
    .execute();
  return rows.map((row) => ({
    guid: row.guid,
    type: row.type,
    instances: row.instances,
    memoryMb: row.memory_mb,
  }));
}

async function addAppUsageEvent(unit: UnitOfWork, place: Place, change: UsageChange): Promise<void> {
  const { process, previous } = change;
  await insertEvent(unit, place, {
    state: change.state,
    previous_state: change.previousState,
    process_guid: process.guid,
    process_type: process.type,
    task_guid: null,
    task_name: null,
    memory_mb: process.memoryMb,
    previous_memory_mb: previous.memoryMb,
    instances: process.instances,
    previous_instances: previous.instances,
  });
}

type Placed = 'app_guid' | 'app_name' | 'space_guid' | 'space_name' | 'organization_guid';
type EventFields = Omit<Insertable<Database['app_usage_events']>, 'id' | 'guid' | 'created_at' | 'updated_at' | Placed>;

async function insertEvent(unit: UnitOfWork, place: Place, fields: EventFields): Promise<void> {
  await unit.sql
    .insertInto('app_usage_events')
    .values({
      ...fields,
      guid: randomUUID(),
      created_at: unit.now,
      updated_at: unit.now,
      app_guid: place.app.guid,
      app_name: place.app.name,
      space_guid: place.space.guid,
      space_name: place.space.name,
      organization_guid: place.organizationGuid,
    })
    .execute();
}

/** Notes that a task began or ended: it uses what it asked for from the request on. */
export async function noteTaskUsage(
  unit: UnitOfWork,
  task: Pick<TaskRow, 'guid' | 'name' | 'app_guid' | 'memory_mb'>,
  state: 'TASK_STARTED' | 'TASK_STOPPED',
): Promise<void> {
  const app = await unit.sql.selectFrom('apps').selectAll().where('guid', '=', task.app_guid).executeTakeFirst();
  if (app === undefined) return;
  const place = await placeOf(unit.sql, app);
  await insertEvent(unit, place, {
    state,
    previous_state: state === 'TASK_STARTED' ? 'PENDING' : 'TASK_STARTED',
    process_guid: null,
    process_type: null,
    task_guid: task.guid,
    task_name: task.name,
    memory_mb: task.memory_mb,
    previous_memory_mb: task.memory_mb,
    instances: 1,
    previous_instances: 1,
  });
}

/** Begins the story anew: one event for each process that runs. For whoever lost count of the events. */
export async function reseedAppUsageEvents(unit: UnitOfWork): Promise<void> {
  const { sql } = unit;
  await sql.deleteFrom('app_usage_events').execute();
  const apps = await sql.selectFrom('apps').selectAll().where('desired_state', '=', 'STARTED').orderBy('id').execute();
  for (const app of apps) {
    const place = await placeOf(sql, app);
    for (const process of await loadProcessUsage(sql, app.guid)) {
      const change = { state: 'STARTED', previousState: 'STARTED', process, previous: process } as const;
      await addAppUsageEvent(unit, place, change);
    }
  }
}
