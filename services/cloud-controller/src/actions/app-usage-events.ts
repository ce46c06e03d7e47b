import { randomUUID } from 'node:crypto';
import type { AppRow, Sql } from '../adapters/sql/schema.ts';
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
  await unit.sql
    .insertInto('app_usage_events')
    .values({
      guid: randomUUID(),
      created_at: unit.now,
      updated_at: unit.now,
      state: change.state,
      previous_state: change.previousState,
      app_guid: place.app.guid,
      app_name: place.app.name,
      process_guid: process.guid,
      process_type: process.type,
      task_guid: null,
      task_name: null,
      space_guid: place.space.guid,
      space_name: place.space.name,
      organization_guid: place.organizationGuid,
      memory_mb: process.memoryMb,
      previous_memory_mb: previous.memoryMb,
      instances: process.instances,
      previous_instances: previous.instances,
    })
    .execute();
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
