import { type Expression, type SelectQueryBuilder, type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import { recordJob } from '../actions/jobs.ts';
import { createUser, deleteUser, updateUser } from '../actions/users.ts';
import { type Filters, listPage, oneOf } from '../adapters/sql/list-page.ts';
import { loadMetadata, saveMetadata } from '../adapters/sql/metadata-entries.ts';
import type { Database, UserRow } from '../adapters/sql/schema.ts';
import type { ListQuery } from '../domain/lists/list-query.ts';
import { ApiError, notFound, unprocessable } from '../errors.ts';
import { listSchema } from '../resources/shapes.ts';
import { presentUser, userSchema } from '../resources/user.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { checkMetadata, guidParameters, metadataBody } from './bodies.ts';
import { jobAccepted } from './jobs.ts';
import { listBody, listParameters } from './lists.ts';
import { jobResponse } from './openapi/answers.ts';
import { nameOfUser } from './user-names.ts';

const createBody = z.union([
  z.strictObject({ guid: z.string().min(1).max(255), metadata: metadataBody.optional() }),
  z.strictObject({ username: z.string().min(1), origin: z.string().min(1), metadata: metadataBody.optional() }),
]);
const updateBody = z.strictObject({ metadata: metadataBody.optional() });

const filters: Filters<'users'> = { guids: oneOf('users', 'guid') };
/** What uaa is asked for. */
const nameFilters = ['usernames', 'partial_usernames', 'origins'];

/** Users as the API shows them, with their names from uaa. */
export async function presentUsers(
  { db, users, link }: ApiContext,
  rows: readonly UserRow[],
): Promise<z.infer<typeof userSchema>[]> {
  if (rows.length === 0) return [];
  const guids = rows.map((row) => row.guid);
  const names = new Map((await users.byGuids(guids)).map((user) => [user.guid, user]));
  const metadata = await loadMetadata(db, guids);
  return rows.map((row) => presentUser(row, names.get(row.guid), metadata(row.guid), link));
}

/** Oneself, and everyone with whom one shares an organization. */
export function visibleUsers({ db }: ApiContext, access: CallerAccess): SelectQueryBuilder<Database, 'users', object> {
  const all = db.selectFrom('users');
  const mine: Expression<SqlBool> | undefined = access.visibleOrganizations('shared.organization_guid');
  if (mine === undefined) return all;
  const sharing = sql<SqlBool>`users.guid in (
    select shared.user_guid from (
      select roles.user_guid, coalesce(roles.organization_guid, spaces.organization_guid) as organization_guid
      from roles left join spaces on spaces.guid = roles.space_guid) shared
    where ${mine})`;
  return all.where((eb) => eb.or([eb('users.guid', '=', access.caller.userGuid), sharing]));
}

export function userRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, users, link } = context;
  const present = async (row: UserRow): Promise<z.infer<typeof userSchema>> => {
    const [presented] = await presentUsers(context, [row]);
    if (presented === undefined) throw notFound('User');
    return presented;
  };
  const find = async (access: CallerAccess, guid: string): Promise<UserRow> => {
    const row = await visibleUsers(context, access).selectAll().where('users.guid', '=', guid).executeTakeFirst();
    if (row === undefined) throw notFound('User');
    return row;
  };

  const querystring = listParameters({
    filters: [...Object.keys(filters), ...nameFilters],
    orderBy: ['created_at', 'updated_at'],
  });
  api.get('/v3/users', { schema: { querystring, response: { 200: listSchema(userSchema) } } }, async (request) => {
    const { query } = request;
    const { rows, totalResults } = await listUsers(context, visibleUsers(context, accessOf(request)), query);
    return listBody(request, link, query, totalResults, await presentUsers(context, rows));
  });

  api.post('/v3/users', { schema: { body: createBody, response: { 201: userSchema } } }, async (request, reply) => {
    accessOf(request).requireAdmin();
    const { body } = request;
    checkMetadata(body.metadata);
    const [named] =
      'guid' in body ? await users.byGuids([body.guid]) : await users.byNames([body.username], [body.origin]);
    const guid = 'guid' in body ? body.guid : named?.guid;
    if (guid === undefined) {
      throw unprocessable(
        'Users of other origins than uaa cannot be made here. Make the user in uaa, then give its guid.',
      );
    }
    const row = await writer.write(async (unit) => {
      const created = await createUser(unit, { guid, name: named?.userName ?? guid });
      if (created === undefined) throw unprocessable(`User with guid '${guid}' already exists.`);
      await saveMetadata(unit.sql, 'user', guid, body.metadata);
      return created;
    });
    return reply.code(201).send(await present(row));
  });

  api.get('/v3/users/:guid', { schema: { params: guidParameters, response: { 200: userSchema } } }, async (request) =>
    present(await find(accessOf(request), request.params.guid)),
  );

  api.patch(
    '/v3/users/:guid',
    { schema: { params: guidParameters, body: updateBody, response: { 200: userSchema } } },
    async (request) => {
      const access = accessOf(request);
      const { guid } = await find(access, request.params.guid);
      access.requireAdmin();
      const { metadata } = request.body;
      checkMetadata(metadata);
      const user = { guid, name: await nameOfUser(context, guid) };
      return present(await writer.write((unit) => updateUser(unit, user, metadata)));
    },
  );

  api.delete(
    '/v3/users/:guid',
    { schema: { params: guidParameters, response: jobResponse } },
    async (request, reply) => {
      const access = accessOf(request);
      const { guid } = await find(access, request.params.guid);
      if (!access.admin) throw new ApiError('NotAuthorized');
      const user = { guid, name: await nameOfUser(context, guid) };
      const job = await writer.write(async (unit) => {
        await deleteUser(unit, user);
        return recordJob(unit, platform, 'user.delete');
      });
      return jobAccepted(reply, link, job);
    },
  );

  api.get(
    '/v3/organizations/:guid/users',
    { schema: { params: guidParameters, querystring, response: { 200: listSchema(userSchema) } } },
    async (request) => {
      const { guid } = request.params;
      const organization = await db
        .selectFrom('organizations')
        .select('guid')
        .where('guid', '=', guid)
        .executeTakeFirst();
      if (organization === undefined) throw notFound('Organization');
      await accessOf(request).requireInOrganization('organization.read', guid, 'Organization');
      const { query } = request;
      const base = db.selectFrom('users').where(
        sql<SqlBool>`users.guid in (
          select roles.user_guid from roles left join spaces on spaces.guid = roles.space_guid
          where roles.organization_guid = ${guid} or spaces.organization_guid = ${guid})`,
      );
      const { rows, totalResults } = await listUsers(context, base, query);
      return listBody(request, link, query, totalResults, await presentUsers(context, rows));
    },
  );

  api.get(
    '/v3/spaces/:guid/users',
    { schema: { params: guidParameters, querystring, response: { 200: listSchema(userSchema) } } },
    async (request) => {
      const { guid } = request.params;
      const space = await db.selectFrom('spaces').select('guid').where('guid', '=', guid).executeTakeFirst();
      if (space === undefined) throw notFound('Space');
      await accessOf(request).requireInSpace('space.read', guid, 'Space');
      const { query } = request;
      const base = db
        .selectFrom('users')
        .where((eb) =>
          eb('users.guid', 'in', eb.selectFrom('roles').select('user_guid').where('space_guid', '=', guid)),
        );
      const { rows, totalResults } = await listUsers(context, base, query);
      return listBody(request, link, query, totalResults, await presentUsers(context, rows));
    },
  );
}

/** Names are uaa's: it is asked first, for the guids of those that are meant. */
async function listUsers(
  { users }: ApiContext,
  base: SelectQueryBuilder<Database, 'users', object>,
  query: ListQuery,
): Promise<{ readonly rows: readonly UserRow[]; readonly totalResults: number }> {
  const values = (name: string): readonly string[] => query.filters.get(name) ?? [];
  const [names, parts, origins] = [values('usernames'), values('partial_usernames'), values('origins')];
  if (names.length > 0 && parts.length > 0) {
    throw new ApiError('BadQueryParameter', 'usernames and partial_usernames cannot be given together');
  }
  if (origins.length > 0 && names.length === 0 && parts.length === 0) {
    throw new ApiError(
      'BadQueryParameter',
      'filter origins cannot be provided without usernames or partial_usernames filter.',
    );
  }
  const ownFilters = new Map([...query.filters].filter(([name]) => !nameFilters.includes(name)));
  if (names.length === 0 && parts.length === 0)
    return listPage('users', base, filters, { ...query, filters: ownFilters });
  const found = parts.length > 0 ? await users.byPartOfName(parts, origins) : await users.byNames(names, origins);
  if (found.length === 0) return { rows: [], totalResults: 0 };
  const guids = found.map((user) => user.guid);
  return listPage('users', base.where('users.guid', 'in', guids), filters, { ...query, filters: ownFilters });
}
