import { randomUUID } from 'node:crypto';
import type { ServiceInstanceRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';

/** Notes that a service instance came, was renamed, or went (`service_usage_event_repository.rb`). */
export async function noteServiceUsage(
  { sql, now }: UnitOfWork,
  instance: Pick<ServiceInstanceRow, 'guid' | 'name' | 'space_guid'>,
  state: 'CREATED' | 'UPDATED' | 'DELETED',
): Promise<void> {
  const space = await sql
    .selectFrom('spaces')
    .select(['name', 'organization_guid'])
    .where('guid', '=', instance.space_guid)
    .executeTakeFirstOrThrow();
  await sql
    .insertInto('service_usage_events')
    .values({
      guid: randomUUID(),
      created_at: now,
      updated_at: now,
      state,
      service_instance_guid: instance.guid,
      service_instance_name: instance.name,
      space_guid: instance.space_guid,
      space_name: space.name,
      organization_guid: space.organization_guid,
    })
    .execute();
}

/** Begins the story anew: one event for each service instance that there is. */
export async function reseedServiceUsageEvents(unit: UnitOfWork): Promise<void> {
  await unit.sql.deleteFrom('service_usage_events').execute();
  const instances = await unit.sql.selectFrom('service_instances').selectAll().orderBy('id').execute();
  for (const instance of instances) await noteServiceUsage(unit, instance, 'CREATED');
}
