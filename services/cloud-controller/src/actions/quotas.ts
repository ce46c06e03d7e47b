import { isUniqueViolation } from '@slipway/database';
import type { OrganizationQuotaRow, SpaceQuotaRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { unprocessable } from '../errors.ts';
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
  await applyOrganizationQuota(unit, row.guid, spec.organizationGuids);
  return row;
}

/** Throws 422. What runs already goes on, whatever the new limits. */
export async function updateOrganizationQuota(
  { sql, now }: UnitOfWork,
  guid: string,
  change: { readonly name: string; readonly limits: string },
): Promise<OrganizationQuotaRow> {
  return sql
    .updateTable('organization_quotas')
    .set({ ...change, updated_at: now })
    .where('guid', '=', guid)
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      throw isUniqueViolation(error) ? organizationQuotaTaken(change.name) : error;
    });
}

/** Throws 422 when one of the organizations is not there. */
export async function applyOrganizationQuota(
  { sql, now }: UnitOfWork,
  guid: string,
  organizationGuids: readonly string[],
): Promise<void> {
  for (const organization of new Set(organizationGuids)) {
    const { numUpdatedRows } = await sql
      .updateTable('organizations')
      .set({ quota_guid: guid, updated_at: now })
      .where('guid', '=', organization)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) {
      throw unprocessable(
        `Organizations with guids ["${organization}"] do not exist, or you do not have access to them.`,
      );
    }
  }
}

/** Throws 422 while organizations have it. */
export async function deleteOrganizationQuota({ sql }: UnitOfWork, guid: string): Promise<void> {
  const used = await sql.selectFrom('organizations').select('id').where('quota_guid', '=', guid).executeTakeFirst();
  if (used !== undefined) {
    throw unprocessable(
      'This quota is applied to one or more organizations. Apply different quotas to those organizations before deleting.',
    );
  }
  await sql.deleteFrom('organization_quotas').where('guid', '=', guid).execute();
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
  await applySpaceQuota(unit, row, spec.spaceGuids);
  return row;
}

/** Throws 422. */
export async function updateSpaceQuota(
  { sql, now }: UnitOfWork,
  guid: string,
  change: { readonly name: string; readonly limits: string },
): Promise<SpaceQuotaRow> {
  return sql
    .updateTable('space_quotas')
    .set({ ...change, updated_at: now })
    .where('guid', '=', guid)
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      throw isUniqueViolation(error) ? spaceQuotaTaken(change.name) : error;
    });
}

/** Throws 422 when one of the spaces is not there or another organization's. */
export async function applySpaceQuota(
  { sql, now }: UnitOfWork,
  quota: Pick<SpaceQuotaRow, 'guid' | 'organization_guid'>,
  spaceGuids: readonly string[],
): Promise<void> {
  for (const space of new Set(spaceGuids)) {
    const { numUpdatedRows } = await sql
      .updateTable('spaces')
      .set({ quota_guid: quota.guid, updated_at: now })
      .where('guid', '=', space)
      .where('organization_guid', '=', quota.organization_guid)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) {
      throw unprocessable(
        `Spaces with guids ["${space}"] do not exist within the organization specified, or you do not have access to them.`,
      );
    }
  }
}

/** Its spaces are without quota then. */
export async function deleteSpaceQuota({ sql }: UnitOfWork, guid: string): Promise<void> {
  await sql.updateTable('spaces').set({ quota_guid: null }).where('quota_guid', '=', guid).execute();
  await sql.deleteFrom('space_quotas').where('guid', '=', guid).execute();
}

function organizationQuotaTaken(name: string): Error {
  return unprocessable(`Organization Quota '${name}' already exists.`);
}

function spaceQuotaTaken(name: string): Error {
  return unprocessable(`Space Quota '${name}' already exists.`);
}
