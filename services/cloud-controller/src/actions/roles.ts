import { isUniqueViolation } from '@slipway/database';
import type { OrganizationRow, RoleRow, SpaceRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import type { RoleType } from '../domain/access/roles.ts';
import { unprocessable } from '../errors.ts';
import { auditRole } from './audit.ts';
import type { Platform } from './platform.ts';
import { createUser } from './users.ts';

export interface NewRole {
  readonly type: RoleType;
  readonly user: { readonly guid: string; readonly name: string };
  readonly organization: Pick<OrganizationRow, 'guid' | 'name'> | undefined;
  readonly space: Pick<SpaceRow, 'guid' | 'name' | 'organization_guid'> | undefined;
}

/** Gives a user a role in an organization or in a space. Throws 422; texts are those that the cf CLI looks for. */
export async function createRole(unit: UnitOfWork, platform: Platform, role: NewRole): Promise<RoleRow> {
  const { sql, now } = unit;
  const { user, organization, space } = role;
  if (space !== undefined) {
    const member = await sql
      .selectFrom('roles')
      .select('id')
      .where('user_guid', '=', user.guid)
      .where('organization_guid', '=', space.organization_guid)
      .limit(1)
      .executeTakeFirst();
    if (member === undefined) {
      throw unprocessable(
        "Users cannot be assigned roles in a space if they do not have a role in that space's organization.",
      );
    }
  }
  await createUser(unit, user);
  const where = space === undefined ? `organization '${organization?.name ?? ''}'` : `space '${space.name}'`;
  const row = await sql
    .insertInto('roles')
    .values({
      guid: platform.newGuid(),
      created_at: now,
      updated_at: now,
      type: role.type,
      user_guid: user.guid,
      organization_guid: organization?.guid ?? null,
      space_guid: space?.guid ?? null,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      const taken = `User '${user.name}' already has '${role.type}' role in ${where}.`;
      throw isUniqueViolation(error) ? unprocessable(taken) : error;
    });
  await auditRole(unit, row, 'add', user.name);
  return row;
}

/** Throws 422 where a member of an organization still has something to do in its spaces. */
export async function deleteRole(unit: UnitOfWork, role: RoleRow, userName: string): Promise<void> {
  const { sql } = unit;
  if (role.type === 'organization_user') {
    const inSpace = await sql
      .selectFrom('roles')
      .innerJoin('spaces', 'spaces.guid', 'roles.space_guid')
      .select('roles.id')
      .where('roles.user_guid', '=', role.user_guid)
      .where('spaces.organization_guid', '=', role.organization_guid)
      .limit(1)
      .executeTakeFirst();
    if (inSpace !== undefined) {
      throw unprocessable('Cannot delete organization_user role while user has roles in spaces in that organization.');
    }
  }
  await sql.deleteFrom('roles').where('guid', '=', role.guid).execute();
  await auditRole(unit, role, 'remove', userName);
}
