import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { UserStore } from '../adapters/sql/user-store.ts';
import { readField } from '../domain/form.ts';
import { parseScimFilter } from '../domain/scim-filter.ts';
import { ScimFilterSyntaxError } from '../domain/scim-filter-lexer.ts';
import { parseNewUser, renderUser, renderUserList } from '../domain/scim-user.ts';
import { resolveUserFilter, type UserFilter, UserFilterError, userField } from '../domain/user-filter.ts';
import { UaaError } from '../errors.ts';
import type { AccessTokens } from '../handlers/access-tokens.ts';
import type { UserAccounts } from '../handlers/user-accounts.ts';
import { ADMIN_SCOPE, requireScope } from './authorization.ts';

export interface UserRoutesDependencies {
  readonly users: UserStore;
  readonly accounts: UserAccounts;
  readonly accessTokens: AccessTokens;
}

const DEFAULT_COUNT = 100;
/** UAA's `userMaxCount`. */
const MAX_COUNT = 500;

const passwordChangeSchema = z.looseObject({ oldPassword: z.string().nullish(), password: z.string() });

/** SCIM users, as far as cf uses them. */
export function userRoutes(api: FastifyInstance, dependencies: UserRoutesDependencies): void {
  const { users, accounts, accessTokens } = dependencies;

  api.get<{ Querystring: Record<string, unknown> }>('/Users', async (request) => {
    requireScope(await accessTokens.verify(request.headers.authorization), 'scim.read');
    const query = (name: string): string | undefined => {
      const field = readField(request.query, name);
      if (field.outcome === 'repeated') throw new UaaError('REQUEST_INVALID', `${name} may be given once`);
      return field.value;
    };
    const sortBy = userField(query('sortBy') ?? 'created');
    if (sortBy === undefined) throw new UaaError('FILTER_INVALID', 'users cannot be sorted by that');
    const startIndex = Math.max(wholeNumber('startIndex', query('startIndex'), 1), 1);
    const count = Math.min(wholeNumber('count', query('count'), DEFAULT_COUNT), MAX_COUNT);
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

function wholeNumber(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  if (!/^-?\d{1,9}$/.test(text)) throw new UaaError('REQUEST_INVALID', `${name} is a whole number`);
  return Math.max(Number(text), 0);
}
