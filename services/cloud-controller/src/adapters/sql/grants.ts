import { databaseEngine } from '@slipway/database';
import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely';
import { isSpaceRole, type RoleType } from '../../domain/access/roles.ts';
import type { Db, Sql } from './schema.ts';

/** A user's roles in a space and in its organization. */
export async function rolesInSpace(db: Sql, userGuid: string, spaceGuid: string): Promise<RoleType[]> {
  const rows = await db
    .selectFrom('roles')
    .select('type')
    .where('user_guid', '=', userGuid)
    .where((eb) =>
      eb.or([
        eb('space_guid', '=', spaceGuid),
        eb(
          'organization_guid',
          '=',
          eb.selectFrom('spaces').select('organization_guid').where('spaces.guid', '=', spaceGuid),
        ),
      ]),
    )
    .execute();
  return rows.map(({ type }) => type as RoleType);
}

/** A user's roles in an organization and in any of its spaces. */
export async function rolesInOrganization(db: Sql, userGuid: string, organizationGuid: string): Promise<RoleType[]> {
  const rows = await db
    .selectFrom('roles')
    .leftJoin('spaces', 'spaces.guid', 'roles.space_guid')
    .select('roles.type')
    .where('roles.user_guid', '=', userGuid)
    .where((eb) =>
      eb.or([
        eb('roles.organization_guid', '=', organizationGuid),
        eb('spaces.organization_guid', '=', organizationGuid),
      ]),
    )
    .execute();
  return rows.map(({ type }) => type as RoleType);
}

/** Has the organization been suspended? */
export async function suspendedOrganization(db: Sql, guid: string): Promise<boolean> {
  const row = await db.selectFrom('organizations').select('suspended').where('guid', '=', guid).executeTakeFirst();
  return row?.suspended === 1;
}

/** Has the space's organization been suspended? */
export async function suspendedSpace(db: Sql, guid: string): Promise<boolean> {
  const row = await db
    .selectFrom('spaces')
    .innerJoin('organizations', 'organizations.guid', 'spaces.organization_guid')
    .select('organizations.suspended')
    .where('spaces.guid', '=', guid)
    .executeTakeFirst();
  return row?.suspended === 1;
}

/** True for rows that lie in a space where, or in whose organization, the user has such a role. `column` holds its guid. */
export function inSpaceWithRole(
  db: Db,
  userGuid: string,
  column: string,
  roles: readonly RoleType[],
): Expression<SqlBool> {
  return isOneOf(db, column, spacesWithRole(userGuid, roles));
}

/** True for rows of an organization where, or in one of whose spaces, the user has such a role. */
export function inOrganizationWithRole(
  db: Db,
  userGuid: string,
  column: string,
  roles: readonly RoleType[],
): Expression<SqlBool> {
  return isOneOf(db, column, organizationsWithRole(userGuid, roles));
}

/**
 * As `inSpaceWithRole`, for long tables: PostgreSQL knows which spaces these are when it plans, and so that they hold
 * few of the rows. Else it takes them for ten of average size, and reads the whole table.
 */
export async function inKnownSpaceWithRole(
  db: Db,
  userGuid: string,
  column: string,
  roles: readonly RoleType[],
): Promise<Expression<SqlBool>> {
  return isOneOfKnown(db, column, spacesWithRole(userGuid, roles));
}

/** As `inOrganizationWithRole`, for long tables. */
export async function inKnownOrganizationWithRole(
  db: Db,
  userGuid: string,
  column: string,
  roles: readonly RoleType[],
): Promise<Expression<SqlBool>> {
  return isOneOfKnown(db, column, organizationsWithRole(userGuid, roles));
}

function spacesWithRole(userGuid: string, roles: readonly RoleType[]): RawBuilder<Found> {
  const [inSpace, inOrganization] = byPlace(roles);
  return sql`
    select space_guid as guid from roles
      where user_guid = ${userGuid} and space_guid is not null and type in (${inSpace})
    union
    select spaces.guid from spaces
      join roles on roles.organization_guid = spaces.organization_guid
      where roles.user_guid = ${userGuid} and roles.type in (${inOrganization})`;
}

function organizationsWithRole(userGuid: string, roles: readonly RoleType[]): RawBuilder<Found> {
  const [inSpace, inOrganization] = byPlace(roles);
  return sql`
    select organization_guid as guid from roles
      where user_guid = ${userGuid} and organization_guid is not null and type in (${inOrganization})
    union
    select spaces.organization_guid from spaces
      join roles on roles.space_guid = spaces.guid
      where roles.user_guid = ${userGuid} and roles.type in (${inSpace})`;
}

/** True for rows of an app for which `visible` holds. `column` holds the app's guid. */
export function ofAppsWhere(db: Db, column: string, visible: Expression<SqlBool>): Expression<SqlBool> {
  return isOneOf(db, column, sql`select apps.guid from apps where ${visible}`);
}

interface Found {
  readonly guid: string;
}

/** SQLite looks each up in the index in any case. One parameter, however many they are. */
async function isOneOfKnown(db: Db, column: string, guids: RawBuilder<Found>): Promise<Expression<SqlBool>> {
  if (databaseEngine(db) !== 'postgres') return isOneOf(db, column, guids);
  const { rows } = await guids.execute(db);
  return sql<SqlBool>`${sql.ref(column)} = any(${rows.map(({ guid }) => guid)}::text[])`;
}

/** PostgreSQL joins with a subquery, and then reads the whole table; an array is looked up in the index. */
function isOneOf(db: Db, column: string, guids: RawBuilder<unknown>): Expression<SqlBool> {
  return databaseEngine(db) === 'postgres'
    ? sql<SqlBool>`${sql.ref(column)} = any(array(${guids}))`
    : sql<SqlBool>`${sql.ref(column)} in (${guids})`;
}

/** SQL's lists of the roles of spaces and of those of organizations; a list is never empty in SQL. */
function byPlace(roles: readonly RoleType[]): readonly [RawBuilder<unknown>, RawBuilder<unknown>] {
  return [
    sql.join([...roles.filter((role) => isSpaceRole(role)), '']),
    sql.join([...roles.filter((role) => !isSpaceRole(role)), '']),
  ];
}
