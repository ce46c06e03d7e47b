import { isUniqueViolation } from '@slipway/database';
import { deleteMetadata, saveMetadata } from '../adapters/sql/metadata-entries.ts';
import type { OrganizationRow, SpaceRow } from '../adapters/sql/schema.ts';
import { DEFAULT_QUOTA } from '../adapters/sql/seed.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import type { MetadataUpdate } from '../domain/metadata.ts';
import { unprocessable } from '../errors.ts';
import { deleteApp } from './delete-apps.ts';
import { deleteDomain } from './domains.ts';
import type { Platform } from './platform.ts';
import { deleteRegistryCredentialsOf } from './registry-credentials.ts';
import { deleteRoute } from './routes.ts';
import { deleteServiceInstance } from './service-instances.ts';

/** Throws 422 when the name is taken. */
export async function createOrganization(
  unit: UnitOfWork,
  platform: Platform,
  spec: { readonly name: string; readonly suspended: boolean; readonly metadata: MetadataUpdate | undefined },
): Promise<OrganizationRow> {
  const { sql, now } = unit;
  const guid = platform.newGuid();
  // The oldest, where an administrator gave the first one another name.
  const quota = await sql
    .selectFrom('organization_quotas')
    .select('guid')
    .orderBy((eb) => eb.case().when('name', '=', DEFAULT_QUOTA).then(0).else(1).end())
    .orderBy('id')
    .executeTakeFirst();
  if (quota === undefined) throw unprocessable('There is no organization quota: create one first.');
  const row = await sql
    .insertInto('organizations')
    .values({
      guid,
      created_at: now,
      updated_at: now,
      name: spec.name,
      suspended: spec.suspended ? 1 : 0,
      quota_guid: quota.guid,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      throw isUniqueViolation(error) ? unprocessable(`Organization '${spec.name}' already exists.`) : error;
    });
  await saveMetadata(sql, 'organization', guid, spec.metadata);
  await auditOrganization(unit, row, 'create', { request: { name: row.name } });
  return row;
}

/** Throws 422 when the name is taken. */
export async function createSpace(
  unit: UnitOfWork,
  platform: Platform,
  spec: { readonly name: string; readonly organizationGuid: string; readonly metadata: MetadataUpdate | undefined },
): Promise<SpaceRow> {
  const { sql, now } = unit;
  const guid = platform.newGuid();
  const row = await sql
    .insertInto('spaces')
    .values({ guid, created_at: now, updated_at: now, name: spec.name, organization_guid: spec.organizationGuid })
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      throw isUniqueViolation(error) ? unprocessable('Name must be unique per organization') : error;
    });
  await saveMetadata(sql, 'space', guid, spec.metadata);
  await auditSpace(unit, row, 'create', { request: { name: row.name } });
  return row;
}

/** Throws 422 when the name is taken. */
export async function updateOrganization(
  unit: UnitOfWork,
  before: OrganizationRow,
  change: {
    readonly name: string | undefined;
    readonly suspended: boolean | undefined;
    readonly metadata: MetadataUpdate | undefined;
  },
): Promise<OrganizationRow> {
  const { name = before.name, suspended = before.suspended === 1 } = change;
  const { sql, now } = unit;
  await saveMetadata(sql, 'organization', before.guid, change.metadata);
  await auditOrganization(unit, before, 'update', { request: change });
  return sql
    .updateTable('organizations')
    .set({ name, suspended: suspended ? 1 : 0, updated_at: now })
    .where('guid', '=', before.guid)
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      throw isUniqueViolation(error) ? unprocessable(`Organization '${name}' already exists.`) : error;
    });
}

/** Throws 422 when the name is taken. */
export async function updateSpace(
  unit: UnitOfWork,
  before: SpaceRow,
  change: { readonly name: string | undefined; readonly metadata: MetadataUpdate | undefined },
): Promise<SpaceRow> {
  const { sql, now } = unit;
  await saveMetadata(sql, 'space', before.guid, change.metadata);
  await auditSpace(unit, before, 'update', { request: change });
  return sql
    .updateTable('spaces')
    .set({ name: change.name ?? before.name, updated_at: now })
    .where('guid', '=', before.guid)
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      throw isUniqueViolation(error) ? unprocessable('Name must be unique per organization') : error;
    });
}

/** Whether there is a way by SSH into apps of the space. */
export async function allowSsh(unit: UnitOfWork, space: SpaceRow, allowed: boolean): Promise<SpaceRow> {
  await auditSpace(unit, space, 'update', { request: { features: { ssh: allowed } } });
  return unit.sql
    .updateTable('spaces')
    .set({ ssh_allowed: allowed ? 1 : 0, updated_at: unit.now })
    .where('guid', '=', space.guid)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** A space with all that is in it. */
export async function deleteSpace(unit: UnitOfWork, platform: Platform, guid: string): Promise<void> {
  const { sql } = unit;
  const apps = await sql.selectFrom('apps').select('guid').where('space_guid', '=', guid).orderBy('guid').execute();
  for (const app of apps) await deleteApp(unit, app.guid);
  const routes = await sql.selectFrom('routes').select('guid').where('space_guid', '=', guid).execute();
  for (const route of routes) await deleteRoute(unit, platform, route.guid);
  const services = await sql.selectFrom('service_instances').select('guid').where('space_guid', '=', guid).execute();
  for (const service of services) await deleteServiceInstance(unit, service.guid);
  await deleteRegistryCredentialsOf(unit, { spaceGuid: guid });
  await sql.deleteFrom('security_group_spaces').where('space_guid', '=', guid).execute();
  await sql.deleteFrom('route_spaces').where('space_guid', '=', guid).execute();
  await sql.deleteFrom('roles').where('space_guid', '=', guid).execute();
  await deleteMetadata(sql, [guid]);
  const space = await sql.deleteFrom('spaces').where('guid', '=', guid).returningAll().executeTakeFirst();
  if (space !== undefined) await auditSpace(unit, space, 'delete-request', { request: { recursive: true } });
}

/** An organization with all that is in it, its private domains too. */
export async function deleteOrganization(unit: UnitOfWork, platform: Platform, guid: string): Promise<void> {
  const { sql } = unit;
  const spaces = await sql.selectFrom('spaces').select('guid').where('organization_guid', '=', guid).execute();
  for (const space of spaces) await deleteSpace(unit, platform, space.guid);
  await deleteRegistryCredentialsOf(unit, { organizationGuid: guid });
  await sql.deleteFrom('space_quotas').where('organization_guid', '=', guid).execute();
  await sql.deleteFrom('isolation_segment_organizations').where('organization_guid', '=', guid).execute();
  const domains = await sql.selectFrom('domains').select('guid').where('organization_guid', '=', guid).execute();
  for (const domain of domains) await deleteDomain(unit, platform, domain.guid);
  await sql.deleteFrom('domain_organizations').where('organization_guid', '=', guid).execute();
  await sql.deleteFrom('roles').where('organization_guid', '=', guid).execute();
  await sql.deleteFrom('signature_policies').where('organization_guid', '=', guid).execute();
  await deleteMetadata(sql, [guid]);
  const row = await sql.deleteFrom('organizations').where('guid', '=', guid).returningAll().executeTakeFirst();
  if (row !== undefined) await auditOrganization(unit, row, 'delete-request', { request: { recursive: true } });
}

type Data = Readonly<Record<string, unknown>>;

function auditOrganization(unit: UnitOfWork, row: OrganizationRow, what: string, data: Data): Promise<void> {
  const target = { guid: row.guid, type: 'organization', name: row.name };
  return unit.audit({
    type: `audit.organization.${what}`,
    target,
    spaceGuid: null,
    organizationGuid: row.guid,
    data,
  });
}

/** The space may be gone: its organization is named. */
function auditSpace(unit: UnitOfWork, row: SpaceRow, what: string, data: Data): Promise<void> {
  const target = { guid: row.guid, type: 'space', name: row.name };
  const organizationGuid = row.organization_guid;
  return unit.audit({ type: `audit.space.${what}`, target, spaceGuid: row.guid, organizationGuid, data });
}
