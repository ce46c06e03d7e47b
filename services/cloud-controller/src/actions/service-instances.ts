import { isUniqueViolation } from '@slipway/database';
import { deleteMetadata, saveMetadata } from '../adapters/sql/metadata-entries.ts';
import type { ServiceInstanceRow, Sql } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import type { BoundService } from '../domain/lrp/bound-service.ts';
import { volumeProblem } from '../domain/lrp/volumes.ts';
import type { MetadataUpdate } from '../domain/metadata.ts';
import { purposes } from '../domain/secrets/purposes.ts';
import { unprocessable } from '../errors.ts';
import { auditResource } from './audit.ts';
import type { Platform } from './platform.ts';
import { unbindService } from './service-bindings.ts';
import { noteServiceUsage } from './service-usage-events.ts';

/** In an event, in place of what must not be there. */
const HIDDEN = '[PRIVATE DATA HIDDEN]';

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
  requireVolume(spec.credentials);
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
  await noteServiceUsage(unit, row, 'CREATED');
  await auditInstance(unit, row, 'create', { name: spec.name, tags: spec.tags, credentials: HIDDEN });
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
  requireVolume(change.credentials ?? {});
  await auditInstance(unit, before, 'update', {
    ...(change.name === undefined ? {} : { name: change.name }),
    ...(change.tags === undefined ? {} : { tags: change.tags }),
    ...(change.credentials === undefined ? {} : { credentials: HIDDEN }),
    ...(change.metadata === undefined ? {} : { metadata: change.metadata }),
  });
  const name = change.name ?? before.name;
  const { credentials, tags } = change;
  await saveMetadata(sql, 'service_instance', guid, change.metadata);
  if (name !== before.name) await noteServiceUsage(unit, { ...before, name }, 'UPDATED');
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
    .selectAll()
    .where('service_instance_guid', '=', guid)
    .orderBy('app_guid')
    .execute();
  for (const binding of bindings) await unbindService(unit, binding);
  await deleteMetadata(sql, [guid]);
  const row = await sql.deleteFrom('service_instances').where('guid', '=', guid).returningAll().executeTakeFirst();
  if (row === undefined) return;
  await noteServiceUsage(unit, row, 'DELETED');
  await auditInstance(unit, row, 'delete');
}

/** Notes who read its credentials. */
export function noteCredentialsRead(unit: UnitOfWork, instance: ServiceInstanceRow): Promise<void> {
  return auditInstance(unit, instance, 'show');
}

function auditInstance(
  unit: UnitOfWork,
  instance: ServiceInstanceRow,
  what: string,
  request?: Readonly<Record<string, unknown>>,
): Promise<void> {
  return auditResource(unit, 'user_provided_service_instance', what, instance, {
    spaceGuid: instance.space_guid,
    ...(request === undefined ? {} : { data: { request } }),
  });
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

/** Throws 422 when it says that it is a volume, and none can be made of it. */
function requireVolume(credentials: Credentials): void {
  const problem = volumeProblem(credentials);
  if (problem !== undefined) throw unprocessable(problem);
}
