import { type SelectQueryBuilder, type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import { recordJob } from '../actions/jobs.ts';
import { requireFeature } from '../actions/require-feature.ts';
import { createRole, deleteRole } from '../actions/roles.ts';
import { type Filters, listPage, oneOf } from '../adapters/sql/list-page.ts';
import type { Database, OrganizationRow, RoleRow, SpaceRow } from '../adapters/sql/schema.ts';
import { isSpaceRole, type RoleType } from '../domain/access/roles.ts';
import { ApiError, notFound, unprocessable } from '../errors.ts';
import { organizationSchema } from '../resources/organization.ts';
import { presentRole, roleSchema, roleTypeSchema } from '../resources/role.ts';
import { listSchema } from '../resources/shapes.ts';
import { spaceSchema } from '../resources/space.ts';
import { userSchema } from '../resources/user.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { guidParameters, toOneBody } from './bodies.ts';
import { jobAccepted } from './jobs.ts';
import { includeParameter, listBody, listParameters } from './lists.ts';
import { jobResponse } from './openapi/answers.ts';
import { presentOrganizations } from './organizations.ts';
import { presentSpaces, spaceOfBodyToChange } from './spaces.ts';
import { nameOfUser } from './user-names.ts';
import { presentUsers, visibleUsers } from './users.ts';

const userBody = z.strictObject({
  data: z.union([
    z.strictObject({ guid: z.string().min(1) }),
    z.strictObject({ username: z.string().min(1), origin: z.string().min(1).nullable().optional() }),
  ]),
});
const createBody = z.strictObject({
  type: roleTypeSchema,
  relationships: z.strictObject({
    user: userBody,
    organization: toOneBody.optional(),
    space: toOneBody.optional(),
  }),
});

const filters: Filters<'roles'> = {
  guids: oneOf('roles', 'guid'),
  types: oneOf('roles', 'type'),
  user_guids: oneOf('roles', 'user_guid'),
  organization_guids: oneOf('roles', 'organization_guid'),
  space_guids: oneOf('roles', 'space_guid'),
};
const including = ['user', 'organization', 'space'];
const includedSchema = z.object({
  users: z.array(userSchema).optional(),
  organizations: z.array(organizationSchema).optional(),
  spaces: z.array(spaceSchema).optional(),
});

/** Roles in organizations and spaces that the caller may see. */
function visibleRoles({ db }: ApiContext, access: CallerAccess): SelectQueryBuilder<Database, 'roles', object> {
  const all = db.selectFrom('roles');
  const organizations = access.visibleOrganizations('roles.organization_guid');
  const spaces = access.visibleSpaces('roles.space_guid');
  if (organizations === undefined || spaces === undefined) return all;
  return all.where(sql<SqlBool>`(${organizations} or ${spaces})`);
}

export function roleRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, link } = context;

  const included = async (
    names: ReadonlySet<string>,
    rows: readonly RoleRow[],
  ): Promise<{ readonly included?: z.infer<typeof includedSchema> }> => {
    if (names.size === 0) return {};
    const guids = (column: 'user_guid' | 'organization_guid' | 'space_guid'): string[] => [
      ...new Set(rows.map((row) => row[column]).filter((guid) => guid !== null)),
    ];
    const load = <T extends 'users' | 'organizations' | 'spaces'>(table: T, ids: readonly string[]) =>
      db
        .selectFrom(table as 'users')
        .selectAll()
        .where('guid', 'in', [...ids, ''])
        .orderBy('id')
        .execute();
    return {
      included: {
        ...(names.has('user') ? { users: await presentUsers(context, await load('users', guids('user_guid'))) } : {}),
        ...(names.has('organization')
          ? {
              organizations: await presentOrganizations(
                context,
                (await load('organizations', guids('organization_guid'))) as unknown as OrganizationRow[],
              ),
            }
          : {}),
        ...(names.has('space')
          ? {
              spaces: await presentSpaces(
                context,
                (await load('spaces', guids('space_guid'))) as unknown as SpaceRow[],
              ),
            }
          : {}),
      },
    };
  };

  api.get(
    '/v3/roles',
    {
      schema: {
        querystring: listParameters({
          filters: Object.keys(filters),
          orderBy: ['created_at', 'updated_at'],
          include: including,
        }),
        response: { 200: listSchema(roleSchema).extend({ included: includedSchema.optional() }) },
      },
    },
    async (request) => {
      const { query } = request;
      const { rows, totalResults } = await listPage('roles', visibleRoles(context, accessOf(request)), filters, query);
      const resources = rows.map((row) => presentRole(row, link));
      return {
        ...listBody(request, link, query, totalResults, resources),
        ...(await included(query.include, rows)),
      };
    },
  );

  api.post('/v3/roles', { schema: { body: createBody, response: { 201: roleSchema } } }, async (request, reply) => {
    const access = accessOf(request);
    const { type, relationships } = request.body;
    const place = await placeOf(context, access, type, relationships);
    const user = await userOfBody(context, access, relationships.user.data);
    const row = await writer.write((unit) => createRole(unit, platform, { type, user, ...place }));
    return reply.code(201).send(presentRole(row, link));
  });

  api.get(
    '/v3/roles/:guid',
    {
      schema: {
        params: guidParameters,
        querystring: includeParameter(including),
        response: { 200: roleSchema.extend({ included: includedSchema.optional() }) },
      },
    },
    async (request) => {
      const { guid } = request.params;
      const row = await visibleRoles(context, accessOf(request))
        .selectAll()
        .where('roles.guid', '=', guid)
        .executeTakeFirst();
      if (row === undefined) throw notFound('Role');
      return { ...presentRole(row, link), ...(await included(request.query.include, [row])) };
    },
  );

  api.delete(
    '/v3/roles/:guid',
    { schema: { params: guidParameters, response: jobResponse } },
    async (request, reply) => {
      const access = accessOf(request);
      const { guid } = request.params;
      const role = await db.selectFrom('roles').selectAll().where('guid', '=', guid).executeTakeFirst();
      if (role === undefined) throw notFound('Role');
      if (role.space_guid !== null) await access.requireInSpace('space.manageUsers', role.space_guid, 'Role');
      else await access.requireInOrganization('organization.manageUsers', role.organization_guid ?? '', 'Role');
      const name = await nameOfUser(context, role.user_guid);
      const job = await writer.write(async (unit) => {
        await deleteRole(unit, role, name);
        return recordJob(unit, platform, 'role.delete');
      });
      return jobAccepted(reply, link, job);
    },
  );
}

interface Place {
  readonly organization: OrganizationRow | undefined;
  readonly space: SpaceRow | undefined;
}

/** Where a role shall be had. Throws 422 when it is not there or the wrong one for this role, 403. */
async function placeOf(
  context: ApiContext,
  access: CallerAccess,
  type: RoleType,
  relationships: z.infer<typeof createBody>['relationships'],
): Promise<Place> {
  const { organization, space } = relationships;
  if (organization !== undefined && space !== undefined) {
    throw unprocessable('Role cannot be associated with both a space and an organization.');
  }
  if (isSpaceRole(type)) {
    if (space === undefined) throw unprocessable(`Role with type '${type}' must be associated with a space.`);
    const row = await spaceOfBodyToChange(context, access, space.data.guid, 'space.manageUsers');
    return { space: row, organization: undefined };
  }
  if (organization === undefined) {
    throw unprocessable(`Role with type '${type}' must be associated with an organization.`);
  }
  const { guid } = organization.data;
  const row = await context.db.selectFrom('organizations').selectAll().where('guid', '=', guid).executeTakeFirst();
  if (row === undefined) {
    throw unprocessable('Invalid organization. Ensure that the organization exists and you have access to it.');
  }
  if ((await access.inOrganization('organization.manageUsers', guid)) !== 'allowed')
    throw new ApiError('NotAuthorized');
  return { organization: row, space: undefined };
}

/** Who shall have a role. Throws 422 when there is no such user, 403 when names may not be used. */
async function userOfBody(
  context: ApiContext,
  access: CallerAccess,
  data: z.infer<typeof userBody>['data'],
): Promise<{ readonly guid: string; readonly name: string }> {
  const { db, users } = context;
  if ('guid' in data) {
    const { guid } = data;
    // Whoever calls is known, with or without a row: a client has none before it gets its first role.
    const isCaller = guid === access.caller.userGuid;
    const row = isCaller
      ? { guid }
      : await visibleUsers(context, access).select('users.guid').where('users.guid', '=', guid).executeTakeFirst();
    if (row === undefined) throw unprocessable('Invalid user. Ensure that the user exists and you have access to it.');
    const [known] = await users.byGuids([guid]);
    return { guid, name: known?.userName ?? guid };
  }
  await requireFeature(db, 'set_roles_by_username', access);
  const { username, origin } = data;
  const found = await users.byNames([username], origin == null ? [] : [origin]);
  const [user] = found;
  if (user === undefined) {
    const where = origin == null ? '' : ` and origin '${origin}'`;
    throw unprocessable(`No user exists with the username '${username}'${where}.`);
  }
  if (found.length > 1) {
    const origins = found.map((candidate) => `'${candidate.origin}'`).join(', ');
    throw unprocessable(
      `Ambiguous user. User with username '${username}' exists in the following origins: ${origins}. Specify an origin to disambiguate.`,
    );
  }
  return { guid: user.guid, name: user.userName };
}
