import { isUniqueViolation } from '@slipway/database';
import { deleteMetadata, saveMetadata } from '../adapters/sql/metadata-entries.ts';
import type { ServiceBindingRow, ServiceInstanceRow, Sql } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import type { BoundService } from '../domain/lrp/vcap-services.ts';
import type { MetadataUpdate } from '../domain/metadata.ts';
import { purposes } from '../domain/secrets/purposes.ts';
import { unprocessable } from '../errors.ts';
import type { Platform } from './platform.ts';
import { lockApp } from './rows.ts';

export type Credentials = Readonly<Record<string, unknown>>;

export function sealServiceCredentials({ vault }: Platform, guid: string, credentials: Credentials): string {
  return vault.encrypt(JSON.stringify(credentials), purposes.serviceCredentials(guid));
}

export function openServiceCredentials(
  { vault }: Platform,
  row: Pick<ServiceInstanceRow, 'guid' | 'credentials'>,
): Record<string, unknown> {
  return JSON.parse(vault.decrypt(row.credentials, purposes.serviceCredentials(row.guid))) as Record<string, unknown>;
}

/** Throws 422 when the name is taken. */
export async function createServiceInstance(
  unit: UnitOfWork,
  platform: Platform,
  spec: {
    readonly name: string;
    readonly spaceGuid: string;
    readonly credentials: Credentials;
    readonly tags: readonly string[];
    readonly metadata: MetadataUpdate | undefined;
  },
): Promise<ServiceInstanceRow> {
  const { sql, now } = unit;
  const guid = platform.newGuid();
  const row = await sql
    .insertInto('service_instances')
    .values({
      guid,
      created_at: now,
      updated_at: now,
      name: spec.name,
      space_guid: spec.spaceGuid,
      credentials: sealServiceCredentials(platform, guid, spec.credentials),
      tags: JSON.stringify(spec.tags),
    })
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      throw isUniqueViolation(error) ? nameTaken(spec.name) : error;
    });
  await saveMetadata(sql, 'service_instance', guid, spec.metadata);
  await auditInstance(unit, row, 'create');
  return row;
}

/** What is absent stays. Apps learn of it at their next start. Throws 422 when the name is taken. */
export async function updateServiceInstance(
  unit: UnitOfWork,
  platform: Platform,
  before: ServiceInstanceRow,
  change: {
    readonly name: string | undefined;
    readonly credentials: Credentials | undefined;
    readonly tags: readonly string[] | undefined;
    readonly metadata: MetadataUpdate | undefined;
  },
): Promise<ServiceInstanceRow> {
  const { sql, now } = unit;
  const { guid } = before;
  await auditInstance(unit, before, 'update');
  const name = change.name ?? before.name;
  const { credentials, tags } = change;
  await saveMetadata(sql, 'service_instance', guid, change.metadata);
  return sql
    .updateTable('service_instances')
    .set({
      name,
      updated_at: now,
      ...(credentials === undefined ? {} : { credentials: sealServiceCredentials(platform, guid, credentials) }),
      ...(tags === undefined ? {} : { tags: JSON.stringify(tags) }),
    })
    .where('guid', '=', guid)
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      throw isUniqueViolation(error) ? nameTaken(name) : error;
    });
}

/** With its bindings. What runs keeps the credentials that it has. */
export async function deleteServiceInstance(unit: UnitOfWork, guid: string): Promise<void> {
  const { sql } = unit;
  const bindings = await sql
    .selectFrom('service_bindings')
    .select('guid')
    .where('service_instance_guid', '=', guid)
    .execute();
  await deleteMetadata(sql, [guid, ...bindings.map((binding) => binding.guid)]);
  await sql.deleteFrom('service_bindings').where('service_instance_guid', '=', guid).execute();
  const row = await sql.deleteFrom('service_instances').where('guid', '=', guid).returningAll().executeTakeFirst();
  if (row !== undefined) await auditInstance(unit, row, 'delete');
}

function auditInstance(unit: UnitOfWork, instance: ServiceInstanceRow, what: string): Promise<void> {
  return unit.audit({
    type: `audit.user_provided_service_instance.${what}`,
    target: { guid: instance.guid, type: 'user_provided_service_instance', name: instance.name },
    spaceGuid: instance.space_guid,
  });
}

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
  await unit.audit({
    type: 'audit.service_binding.create',
    target: { guid: row.guid, type: 'service_binding', name: name ?? '' },
    spaceGuid: app.space_guid,
    data: { request: { app_guid: appGuid, service_instance_guid: instance.guid } },
  });
  unit.log(appGuid, `Bound service instance ${instance.name} to app with guid ${appGuid}`);
  return row;
}

export async function unbindService(unit: UnitOfWork, binding: ServiceBindingRow): Promise<void> {
  await deleteMetadata(unit.sql, [binding.guid]);
  await unit.sql.deleteFrom('service_bindings').where('guid', '=', binding.guid).execute();
  await unit.audit({
    type: 'audit.service_binding.delete',
    target: { guid: binding.guid, type: 'service_binding', name: binding.name ?? '' },
    spaceGuid: (await lockApp(unit, binding.app_guid)).space_guid,
    data: { request: { app_guid: binding.app_guid, service_instance_guid: binding.service_instance_guid } },
  });
  unit.log(binding.app_guid, `Unbound a service instance from app with guid ${binding.app_guid}`);
}

/** What an app is bound to, the oldest binding first. */
export async function loadBoundServices(sql: Sql, platform: Platform, appGuid: string): Promise<BoundService[]> {
  const rows = await sql
    .selectFrom('service_bindings')
    .innerJoin('service_instances', 'service_instances.guid', 'service_bindings.service_instance_guid')
    .select([
      'service_bindings.guid as binding_guid',
      'service_bindings.name as binding_name',
      'service_instances.guid',
      'service_instances.name',
      'service_instances.tags',
      'service_instances.credentials',
    ])
    .where('service_bindings.app_guid', '=', appGuid)
    .orderBy('service_bindings.id')
    .execute();
  return rows.map((row) => ({
    instance: { guid: row.guid, name: row.name, tags: JSON.parse(row.tags) as string[] },
    binding: { guid: row.binding_guid, name: row.binding_name },
    credentials: openServiceCredentials(platform, row),
  }));
}

function nameTaken(name: string): Error {
  return unprocessable(`The service instance name is taken: ${name}.`);
}
