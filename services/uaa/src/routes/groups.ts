import type { FastifyInstance } from 'fastify';
import type { GroupStore } from '../adapters/sql/group-store.ts';
import type { UserStore } from '../adapters/sql/user-store.ts';
import { parseScimFilter } from '../domain/scim-filter.ts';
import { ScimFilterSyntaxError } from '../domain/scim-filter-lexer.ts';
import {
  allGroups,
  type Group,
  GroupFilterError,
  isEveryones,
  isPlatforms,
  matchesGroup,
  parseMember,
  parseMembers,
  parseNewGroup,
  renderGroup,
  renderMember,
} from '../domain/scim-group.ts';
import { UaaError } from '../errors.ts';
import type { AccessTokens, Caller } from '../handlers/access-tokens.ts';
import { ADMIN_SCOPE, requireScope } from './authorization.ts';
import { queryField, scimPage } from './scim-query.ts';

export interface GroupRoutesDependencies {
  readonly users: UserStore;
  readonly groups: GroupStore;
  readonly accessTokens: AccessTokens;
  readonly now: () => number;
}

interface Named {
  readonly Params: { readonly id: string };
}
interface NamedMember {
  readonly Params: { readonly id: string; readonly member: string };
}

/** SCIM groups: who may do what beyond what everybody may. A user's next login has the scopes of its groups. */
export function groupRoutes(api: FastifyInstance, dependencies: GroupRoutesDependencies): void {
  const { users, groups, accessTokens, now } = dependencies;

  const find = async (id: string): Promise<Group> => {
    const group = allGroups(await groups.list()).find(({ name }) => name === id);
    if (group === undefined) throw new UaaError('GROUP_NOT_FOUND', `Group ${id} does not exist`);
    return group;
  };
  const present = async (group: Group): Promise<Record<string, unknown>> =>
    renderGroup(group, await groups.members(group.name));
  const requireUser = async (guid: string): Promise<void> => {
    if ((await users.get(guid)) === undefined) throw new UaaError('GROUP_INVALID', `Invalid group member: ${guid}`);
  };
  const write = async (authorization: string | undefined): Promise<Caller> => {
    const caller = await accessTokens.verify(authorization);
    requireScope(caller, 'scim.write', 'groups.update');
    return caller;
  };
  /** Else whoever may change groups could make himself an administrator of everything. */
  const requireOwn = (caller: Caller, group: string): void => {
    if (caller.scopes.has(ADMIN_SCOPE) || caller.scopes.has(group)) return;
    throw new UaaError('SCOPE_INSUFFICIENT', `you cannot give or take what you do not have: ${group}`);
  };
  const requireChangeable = (group: string): void => {
    if (isEveryones(group)) throw new UaaError('GROUP_INVALID', `everybody is in ${group}: it cannot be changed`);
  };

  api.get<{ Querystring: Record<string, unknown> }>('/Groups', async (request) => {
    requireScope(await accessTokens.verify(request.headers.authorization), 'scim.read');
    const wanted = filtered(allGroups(await groups.list()), queryField(request.query, 'filter'));
    const { startIndex, count } = scimPage(request.query);
    const page = wanted.slice(startIndex - 1, startIndex - 1 + count);
    return {
      resources: await Promise.all(page.map(present)),
      startIndex,
      itemsPerPage: count,
      totalResults: wanted.length,
      schemas: ['urn:scim:schemas:core:1.0'],
    };
  });

  api.get<Named>('/Groups/:id', async (request) => {
    requireScope(await accessTokens.verify(request.headers.authorization), 'scim.read');
    return present(await find(request.params.id));
  });

  api.post('/Groups', async (request, reply) => {
    const caller = await accessTokens.verify(request.headers.authorization);
    requireScope(caller, 'scim.write');
    const parsed = parseNewGroup(request.body);
    if (parsed.outcome === 'invalid') throw new UaaError('GROUP_INVALID', parsed.description);
    const { members, ...group } = parsed.value;
    for (const guid of members) await requireUser(guid);
    const exists = allGroups(await groups.list()).some(({ name }) => name === group.name);
    if (exists || !(await groups.insert(group, new Date(now()).toISOString()))) {
      throw new UaaError('GROUP_EXISTS', `A group with displayName: ${group.name} already exists.`);
    }
    for (const guid of members) await groups.add(group.name, guid);
    return reply.code(201).send(await present(group));
  });

  /** As uaac changes members: all of them at once. */
  api.put<Named>('/Groups/:id', async (request) => {
    const caller = await write(request.headers.authorization);
    const group = await find(request.params.id);
    requireChangeable(group.name);
    requireOwn(caller, group.name);
    const parsed = parseMembers(request.body);
    if (parsed.outcome === 'invalid') throw new UaaError('GROUP_INVALID', parsed.description);
    for (const guid of parsed.value) await requireUser(guid);
    const before = await groups.members(group.name);
    for (const guid of before) if (!parsed.value.includes(guid)) await groups.remove(group.name, guid);
    for (const guid of parsed.value) await groups.add(group.name, guid);
    return present(group);
  });

  api.delete<Named>('/Groups/:id', async (request) => {
    const caller = await accessTokens.verify(request.headers.authorization);
    requireScope(caller, 'scim.write');
    const group = await find(request.params.id);
    if (isPlatforms(group.name)) throw new UaaError('GROUP_INVALID', `${group.name} is the platform's: it stays`);
    requireOwn(caller, group.name);
    const was = await present(group);
    await groups.delete(group.name);
    return was;
  });

  api.get<Named>('/Groups/:id/members', async (request) => {
    requireScope(await accessTokens.verify(request.headers.authorization), 'scim.read');
    const { name } = await find(request.params.id);
    return (await groups.members(name)).map(renderMember);
  });

  api.post<Named>('/Groups/:id/members', async (request, reply) => {
    const caller = await write(request.headers.authorization);
    const group = await find(request.params.id);
    requireChangeable(group.name);
    requireOwn(caller, group.name);
    const parsed = parseMember(request.body);
    if (parsed.outcome === 'invalid') throw new UaaError('GROUP_INVALID', parsed.description);
    await requireUser(parsed.value);
    if (!(await groups.add(group.name, parsed.value))) {
      throw new UaaError('MEMBER_EXISTS', 'The user is a member of the group already');
    }
    return reply.code(201).send(renderMember(parsed.value));
  });

  api.delete<NamedMember>('/Groups/:id/members/:member', async (request) => {
    const caller = await write(request.headers.authorization);
    const group = await find(request.params.id);
    requireChangeable(group.name);
    requireOwn(caller, group.name);
    const { member } = request.params;
    if (!(await groups.remove(group.name, member))) {
      throw new UaaError('GROUP_NOT_FOUND', `Member ${member} does not exist in group ${group.name}`);
    }
    return renderMember(member);
  });
}

function filtered(groups: readonly Group[], text: string | undefined): readonly Group[] {
  if (text === undefined) return groups;
  try {
    const filter = parseScimFilter(text);
    return groups.filter((group) => matchesGroup(filter, group));
  } catch (cause) {
    if (!(cause instanceof ScimFilterSyntaxError) && !(cause instanceof GroupFilterError)) throw cause;
    throw new UaaError('FILTER_INVALID', `Invalid filter expression: ${cause.message}`, { cause });
  }
}
