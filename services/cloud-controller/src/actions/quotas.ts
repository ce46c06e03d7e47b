import { isUniqueViolation } from '@slipway/database';
import type { OrganizationQuotaRow, SpaceQuotaRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { unprocessable } from '../errors.ts';
import { type AuditDetails, auditResource } from './audit.ts';
import type { Platform } from './platform.ts';

/** `limits` is JSON. Throws 422. */
export async function createOrganizationQuota(
  unit: UnitOfWork,
  platform: Platform,
  spec: { readonly name: string; readonly limits: string; readonly organizationGuids: readonly string[] },
): Promise<OrganizationQuotaRow> {
  const { sql, now } = unit;
  const row = await sql
    .insertInto('organization_quotas')
    .values({ guid: platform.newGuid(), created_at: now, updated_at: now, name: spec.name, limits: spec.limits })
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      throw isUniqueViolation(error) ? organizationQuotaTaken(spec.name) : error;
    });
  const request = { name: spec.name, ...parse(spec.limits) };
  await auditResource(unit, 'organization_quota', 'create', row, { data: { request } });
  await applyOrganizationQuota(unit, row, spec.organizationGuids);
  return row;
}

/** Throws 422. What runs already goes on, whatever the new limits. */
export async function updateOrganizationQuota(
  unit: UnitOfWork,
  guid: string,
  change: { readonly name: string; readonly limits: string },
): Promise<OrganizationQuotaRow> {
  const { sql, now } = unit;
  const row = await sql
    .updateTable('organization_quotas')
    .set({ ...change, updated_at: now })
    .where('guid', '=', guid)
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      throw isUniqueViolation(error) ? organizationQuotaTaken(change.name) : error;
    });
  const request = { name: change.name, ...parse(change.limits) };
  await auditResource(unit, 'organization_quota', 'update', row, { data: { request } });
  return row;
}

/** Throws 422 when one of the organizations is not there. */
export async function applyOrganizationQuota(
  unit: UnitOfWork,
  quota: Pick<OrganizationQuotaRow, 'guid' | 'name'>,
  organizationGuids: readonly string[],
): Promise<void> {
  for (const organization of new Set(organizationGuids)) {
    const row = await unit.sql
      .updateTable('organizations')
      .set({ quota_guid: quota.guid, updated_at: unit.now })
      .where('guid', '=', organization)
      .returning('name')
      .executeTakeFirst();
    if (row === undefined) {
      throw unprocessable(
        `Organizations with guids ["${organization}"] do not exist, or you do not have access to them.`,
      );
    }
    await auditResource(unit, 'organization_quota', 'apply', quota, {
      organizationGuid: organization,
      data: { organization_guid: organization, organization_name: row.name },
    });
  }
}

/** Throws 422 while organizations have it. */
export async function deleteOrganizationQuota(unit: UnitOfWork, guid: string): Promise<void> {
  const { sql } = unit;
  const used = await sql.selectFrom('organizations').select('id').where('quota_guid', '=', guid).executeTakeFirst();
  if (used !== undefined) {
    throw unprocessable(
      'This quota is applied to one or more organizations. Apply different quotas to those organizations before deleting.',
    );
  }
  const row = await sql.deleteFrom('organization_quotas').where('guid', '=', guid).returningAll().executeTakeFirst();
  if (row !== undefined) await auditResource(unit, 'organization_quota', 'delete', row);
}

/** Throws 422. */
export async function createSpaceQuota(
  unit: UnitOfWork,
  platform: Platform,
  spec: {
    readonly name: string;
    readonly limits: string;
    readonly organizationGuid: string;
    readonly spaceGuids: readonly string[];
  },
): Promise<SpaceQuotaRow> {
  const { sql, now } = unit;
  const row = await sql
    .insertInto('space_quotas')
    .values({
      guid: platform.newGuid(),
      created_at: now,
      updated_at: now,
      name: spec.name,
      organization_guid: spec.organizationGuid,
      limits: spec.limits,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      throw isUniqueViolation(error) ? spaceQuotaTaken(spec.name) : error;
    });
  const request = { name: spec.name, ...parse(spec.limits) };
  await auditSpaceQuota(unit, 'create', row, { data: { request } });
  await applySpaceQuota(unit, row, spec.spaceGuids);
  return row;
}

/** Throws 422. */
export async function updateSpaceQuota(
  unit: UnitOfWork,
  guid: string,
  change: { readonly name: string; readonly limits: string },
): Promise<SpaceQuotaRow> {
  const { sql, now } = unit;
  const row = await sql
    .updateTable('space_quotas')
    .set({ ...change, updated_at: now })
    .where('guid', '=', guid)
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      throw isUniqueViolation(error) ? spaceQuotaTaken(change.name) : error;
    });
  await auditSpaceQuota(unit, 'update', row, { data: { request: { name: change.name, ...parse(change.limits) } } });
  return row;
}

/** Throws 422 when one of the spaces is not there or another organization's. */
export async function applySpaceQuota(
  unit: UnitOfWork,
  quota: SpaceQuotaRow,
  spaceGuids: readonly string[],
): Promise<void> {
  for (const space of new Set(spaceGuids)) {
    const row = await unit.sql
      .updateTable('spaces')
      .set({ quota_guid: quota.guid, updated_at: unit.now })
      .where('guid', '=', space)
      .where('organization_guid', '=', quota.organization_guid)
      .returning('name')
      .executeTakeFirst();
    if (row === undefined) {
      throw unprocessable(
        `Spaces with guids ["${space}"] do not exist within the organization specified, or you do not have access to them.`,
      );
    }
    await auditSpaceQuota(unit, 'apply', quota, {
      spaceGuid: space,
      data: { space_guid: space, space_name: row.name },
    });
  }
}

/** Throws 422 when the space has another quota, or none. */
export async function removeSpaceQuota(unit: UnitOfWork, quota: SpaceQuotaRow, spaceGuid: string): Promise<void> {
  const row = await unit.sql
    .updateTable('spaces')
    .set({ quota_guid: null, updated_at: unit.now })
    .where('guid', '=', spaceGuid)
    .where('quota_guid', '=', quota.guid)
    .returning('name')
    .executeTakeFirst();
  if (row === undefined) {
    throw unprocessable(
      `Unable to remove quota from space with guid '${spaceGuid}'. Ensure the space quota is applied to this space.`,
    );
  }
  await auditSpaceQuota(unit, 'remove', quota, { spaceGuid, data: { space_guid: spaceGuid, space_name: row.name } });
}

/** Its spaces are without quota then. */
export async function deleteSpaceQuota(unit: UnitOfWork, guid: string): Promise<void> {
  const { sql } = unit;
  await sql.updateTable('spaces').set({ quota_guid: null }).where('quota_guid', '=', guid).execute();
  const row = await sql.deleteFrom('space_quotas').where('guid', '=', guid).returningAll().executeTakeFirst();
  if (row !== undefined) await auditSpaceQuota(unit, 'delete', row, {});
}

function auditSpaceQuota(unit: UnitOfWork, what: string, quota: SpaceQuotaRow, details: AuditDetails): Promise<void> {
  return auditResource(unit, 'space_quota', what, quota, { ...details, organizationGuid: quota.organization_guid });
}

function parse(limits: string): Record<string, unknown> {
  return JSON.parse(limits) as Record<string, unknown>;
}

function organizationQuotaTaken(name: string): Error {
  return unprocessable(`Organization Quota '${name}' already exists.`);
}

function spaceQuotaTaken(name: string): Error {
  return unprocessable(`Space Quota '${name}' already exists.`);
}
