import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { UserStore } from '../adapters/sql/user-store.ts';
import { parseScimFilter } from '../domain/scim-filter.ts';
import { ScimFilterSyntaxError } from '../domain/scim-filter-lexer.ts';
import { parseNewUser, parseUserChange, renderUser, renderUserList } from '../domain/scim-user.ts';
import { resolveUserFilter, type UserFilter, UserFilterError, userField } from '../domain/user-filter.ts';
import { UaaError } from '../errors.ts';
import type { AccessTokens } from '../handlers/access-tokens.ts';
import type { UserAccounts } from '../handlers/user-accounts.ts';
import { ADMIN_SCOPE, requireScope } from './authorization.ts';
import { queryField, scimPage } from './scim-query.ts';

export interface UserRoutesDependencies {
  readonly users: UserStore;
  readonly accounts: UserAccounts;
  readonly accessTokens: AccessTokens;
}

const passwordChangeSchema = z.looseObject({ oldPassword: z.string().nullish(), password: z.string() });

/** What UAA takes here: an account is locked by wrong passwords alone. */
const statusSchema = z.strictObject({ locked: z.literal(false) });

/** SCIM users: what cf and uaac do with them. */
export function userRoutes(api: FastifyInstance, dependencies: UserRoutesDependencies): void {
  const { users, accounts, accessTokens } = dependencies;

  api.get<{ Querystring: Record<string, unknown> }>('/Users', async (request) => {
    requireScope(await accessTokens.verify(request.headers.authorization), 'scim.read');
    const query = (name: string): string | undefined => queryField(request.query, name);
    const sortBy = userField(query('sortBy') ?? 'created');
    if (sortBy === undefined) throw new UaaError('FILTER_INVALID', 'users cannot be sorted by that');
    const { startIndex, count } = scimPage(request.query);
    const { users: page, total } = await users.list({
      filter: parseFilter(query('filter')),
      sortBy,
      ascending: (query('sortOrder') ?? 'ascending') === 'ascending',
      offset: startIndex - 1,
      limit: count,
    });
    return renderUserList({ users: page, startIndex, count, total });
  });

  api.post('/Users', async (request, reply) => {
    requireScope(await accessTokens.verify(request.headers.authorization), 'scim.write', 'scim.create');
    const parsed = parseNewUser(request.body);
    if (parsed.outcome === 'invalid') throw new UaaError(parsed.code, parsed.description);
    const user = await accounts.create(parsed.user);
    return reply.code(201).header('etag', `"${user.version}"`).send(renderUser(user));
  });

  api.get<{ Params: { guid: string } }>('/Users/:guid', async (request, reply) => {
    const caller = await accessTokens.verify(request.headers.authorization);
    const { guid } = request.params;
    if (caller.userGuid !== guid) requireScope(caller, 'scim.read');
    const user = await users.get(guid);
    if (user === undefined) throw new UaaError('USER_NOT_FOUND', `User ${guid} does not exist`);
    return reply.header('etag', `"${user.version}"`).send(renderUser(user));
  });

  /** Answers with the user that was, for cf parses it. */
  api.delete<{ Params: { guid: string } }>('/Users/:guid', async (request) => {
    requireScope(await accessTokens.verify(request.headers.authorization), 'scim.write');
    const user = await users.delete(request.params.guid);
    if (user === undefined) throw new UaaError('USER_NOT_FOUND', `User ${request.params.guid} does not exist`);
    return renderUser(user);
  });

  /** Names, addresses, and whether the user may log in. What is left out stays, unlike in UAA; `If-Match` is heeded. */
  api.put<{ Params: { guid: string } }>('/Users/:guid', async (request, reply) => {
    requireScope(await accessTokens.verify(request.headers.authorization), 'scim.write');
    const { guid } = request.params;
    const before = await users.get(guid);
    if (before === undefined) throw new UaaError('USER_NOT_FOUND', `User ${guid} does not exist`);
    const parsed = parseUserChange(request.body);
    if (parsed.outcome === 'invalid') throw new UaaError('USER_INVALID', parsed.description);
    const expected = request.headers['if-match']?.replaceAll('"', '');
    if (expected !== undefined && expected !== '*' && expected !== String(before.version)) {
      throw new UaaError('USER_CHANGED', `The user was changed meanwhile: it has version ${before.version}`);
    }
    const user = await accounts.update(before, parsed.change);
    return reply.header('etag', `"${user.version}"`).send(renderUser(user));
  });

  /** `{"locked": false}`: failed logins are forgotten, and the user may try again at once. */
  api.patch<{ Params: { guid: string } }>('/Users/:guid/status', async (request) => {
    const caller = await accessTokens.verify(request.headers.authorization);
    requireScope(caller, 'scim.write');
    const body = statusSchema.safeParse(request.body);
    if (!body.success) throw new UaaError('REQUEST_INVALID', 'expected {"locked":false}');
    await accounts.unlock(request.params.guid);
    return body.data;
  });

  api.put<{ Params: { guid: string } }>('/Users/:guid/password', async (request) => {
    const caller = await accessTokens.verify(request.headers.authorization);
    requireScope(caller, 'password.write');
    const body = passwordChangeSchema.safeParse(request.body);
    if (!body.success) throw new UaaError('REQUEST_INVALID', 'expected {"oldPassword":"..","password":".."}');
    const changer = { userGuid: caller.userGuid, isAdmin: caller.scopes.has(ADMIN_SCOPE) };
    await accounts.changePassword(request.params.guid, body.data.oldPassword ?? undefined, body.data.password, changer);
    return { status: 'ok', message: 'password updated' };
  });
}

function parseFilter(text: string | undefined): UserFilter | undefined {
  if (text === undefined) return undefined;
  try {
    return resolveUserFilter(parseScimFilter(text));
  } catch (cause) {
    if (!(cause instanceof ScimFilterSyntaxError) && !(cause instanceof UserFilterError)) throw cause;
    throw new UaaError('FILTER_INVALID', `Invalid filter expression: ${cause.message}`, { cause });
  }
}
