import { deleteMetadata, saveMetadata } from '../adapters/sql/metadata-entries.ts';
import type { ServiceBindingRow, ServiceInstanceRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import type { MetadataUpdate } from '../domain/metadata.ts';
import { notFound, unprocessable } from '../errors.ts';
import { auditResource } from './audit.ts';
import type { Platform } from './platform.ts';
import { lockApp } from './rows.ts';

export interface NewServiceBinding {
  readonly appGuid: string;
  readonly instance: Pick<ServiceInstanceRow, 'guid' | 'space_guid' | 'name'>;
  readonly name: string | null;
  readonly metadata: MetadataUpdate | undefined;
}

/** Takes effect at the app's next start. Throws 404, 422; texts are those that the cf CLI looks for. */
export async function bindService(
  unit: UnitOfWork,
  platform: Platform,
  { appGuid, instance, name, metadata }: NewServiceBinding,
): Promise<ServiceBindingRow> {
  const { sql, now } = unit;
  const app = await lockApp(unit, appGuid);
  if (app.space_guid !== instance.space_guid) {
    throw unprocessable('The service instance and the app are in different spaces');
  }
  const bound = await sql.selectFrom('service_bindings').selectAll().where('app_guid', '=', appGuid).execute();
  if (bound.some((binding) => binding.service_instance_guid === instance.guid)) {
    throw unprocessable('The app is already bound to the service instance');
  }
  if (name !== null && bound.some((binding) => binding.name === name)) {
    throw unprocessable(
      `The binding name is invalid. App binding names must be unique. The app already has a binding with name '${name}'.`,
    );
  }
  const row = await sql
    .insertInto('service_bindings')
    .values({
      guid: platform.newGuid(),
      created_at: now,
      updated_at: now,
      name,
      app_guid: appGuid,
      service_instance_guid: instance.guid,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await saveMetadata(sql, 'service_binding', row.guid, metadata);
  await auditBinding(unit, row, 'create', placesOf(row));
  unit.log(appGuid, `Bound service instance ${instance.name} to app with guid ${appGuid}`);
  return row;
}

/** Throws 404. */
export async function updateServiceBinding(
  unit: UnitOfWork,
  guid: string,
  metadata: MetadataUpdate | undefined,
): Promise<ServiceBindingRow> {
  const { sql, now } = unit;
  await saveMetadata(sql, 'service_binding', guid, metadata);
  const row = await sql
    .updateTable('service_bindings')
    .set({ updated_at: now })
    .where('guid', '=', guid)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw notFound('Service credential binding');
  await auditBinding(unit, row, 'update', { metadata });
  return row;
}

export async function unbindService(unit: UnitOfWork, binding: ServiceBindingRow): Promise<void> {
  await lockApp(unit, binding.app_guid);
  await deleteMetadata(unit.sql, [binding.guid]);
  await unit.sql.deleteFrom('service_bindings').where('guid', '=', binding.guid).execute();
  await auditBinding(unit, binding, 'delete', placesOf(binding));
  unit.log(binding.app_guid, `Unbound a service instance from app with guid ${binding.app_guid}`);
}

/** Notes who read the credentials. */
export function noteBindingRead(unit: UnitOfWork, binding: ServiceBindingRow): Promise<void> {
  return auditBinding(unit, binding, 'show', placesOf(binding));
}

function placesOf(binding: ServiceBindingRow): Readonly<Record<string, unknown>> {
  return { app_guid: binding.app_guid, service_instance_guid: binding.service_instance_guid };
}

async function auditBinding(
  unit: UnitOfWork,
  binding: ServiceBindingRow,
  what: string,
  request: Readonly<Record<string, unknown>>,
): Promise<void> {
  const app = await unit.sql
    .selectFrom('apps')
    .select('space_guid')
    .where('guid', '=', binding.app_guid)
    .executeTakeFirst();
  const target = { guid: binding.guid, name: binding.name ?? '' };
  await auditResource(unit, 'service_binding', what, target, {
    spaceGuid: app?.space_guid ?? null,
    data: { request },
  });
}
