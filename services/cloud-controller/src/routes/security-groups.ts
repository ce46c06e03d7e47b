import { type Expression, type SelectQueryBuilder, type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import { recordJob } from '../actions/jobs.ts';
import {
  bindSpaces,
  createSecurityGroup,
  deleteSecurityGroup,
  notBound,
  unbindSpace,
  updateSecurityGroup,
} from '../actions/security-groups.ts';
import { type Filter, type Filters, listPage, oneOf } from '../adapters/sql/list-page.ts';
import type { Database, SecurityGroupRow } from '../adapters/sql/schema.ts';
import { type Lifecycle, lifecycles } from '../adapters/sql/security-group-rows.ts';
import { ruleProblems } from '../domain/security-groups/rule-problems.ts';
import { ApiError, notFound, unprocessable } from '../errors.ts';
import { presentSecurityGroup, securityGroupSchema } from '../resources/security-group.ts';
import { linkSchema, listSchema, toManySchema } from '../resources/shapes.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { guidParameters, toManyBody } from './bodies.ts';
import { jobAccepted } from './jobs.ts';
import { listBody, listParameters } from './lists.ts';
import { emptyResponse, jobResponse } from './openapi/answers.ts';
import { findSpace } from './spaces.ts';

/** Its rules are checked one by one, for Cloud Foundry says which of them is wrong. */
const rulesBody = z.array(z.unknown()).meta({ items: { type: 'object' } });
const nameBody = z.string().min(1).max(250);
const enabledBody = z.strictObject({ running: z.boolean().optional(), staging: z.boolean().optional() });
const createBody = z.strictObject({
  name: nameBody,
  rules: rulesBody.optional(),
  globally_enabled: enabledBody.optional(),
  relationships: z
    .strictObject({ running_spaces: toManyBody.optional(), staging_spaces: toManyBody.optional() })
    .optional(),
});
const updateBody = z.strictObject({
  name: nameBody.optional(),
  rules: rulesBody.optional(),
  globally_enabled: enabledBody.optional(),
});
const boundSchema = toManySchema.extend({ links: z.object({ self: linkSchema }) });

type Column = 'globally_running' | 'globally_staging';
const globally =
  (column: Column): Filter<'security_groups'> =>
  (eb, values) =>
    eb(
      `security_groups.${column}`,
      'in',
      values.map((value) => (value === 'true' ? 1 : 0)),
    );
const boundTo =
  (lifecycle: Lifecycle): Filter<'security_groups'> =>
  (eb, values) =>
    eb(
      'security_groups.guid',
      'in',
      eb
        .selectFrom('security_group_spaces')
        .select('security_group_guid')
        .where('lifecycle', '=', lifecycle)
        .where('space_guid', 'in', values),
    );
const filtersOfSpace: Filters<'security_groups'> = {
  guids: oneOf('security_groups', 'guid'),
  names: oneOf('security_groups', 'name'),
};
const filters: Filters<'security_groups'> = {
  ...filtersOfSpace,
  globally_enabled_running: globally('globally_running'),
  globally_enabled_staging: globally('globally_staging'),
  running_space_guids: boundTo('running'),
  staging_space_guids: boundTo('staging'),
};

/** Those that hold for all, and those of the caller's spaces. */
function visibleGroups(
  { db }: ApiContext,
  access: CallerAccess,
): SelectQueryBuilder<Database, 'security_groups', object> {
  const all = db.selectFrom('security_groups');
  const mine = access.visibleSpaces('s.space_guid');
  if (mine === undefined) return all;
  return all.where(
    sql<SqlBool>`(security_groups.globally_running = 1 or security_groups.globally_staging = 1
      or security_groups.guid in (select s.security_group_guid from security_group_spaces s where ${mine}))`,
  );
}

/** Throws 422 in Cloud Foundry's words. */
function checkRules(rules: readonly unknown[] | undefined): void {
  const problems = ruleProblems(rules ?? []);
  if (problems.length > 0) throw unprocessable(...problems);
}

/** What apps may reach outside (application security groups), for all and by space. */
export function securityGroupRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, link } = context;

  const presentAll = async (
    access: CallerAccess,
    rows: readonly SecurityGroupRow[],
  ): Promise<z.infer<typeof securityGroupSchema>[]> => {
    if (rows.length === 0) return [];
    const visible = access.visibleSpaces('security_group_spaces.space_guid');
    const guids = rows.map(({ guid }) => guid);
    const bound = await db
      .selectFrom('security_group_spaces')
      .selectAll()
      .where('security_group_guid', 'in', guids)
      .$if(visible !== undefined, (query) => query.where(visible as Expression<SqlBool>))
      .orderBy('space_guid')
      .execute();
    const spacesOf = (row: SecurityGroupRow, lifecycle: Lifecycle): string[] =>
      bound
        .filter((each) => each.security_group_guid === row.guid && each.lifecycle === lifecycle)
        .map((each) => each.space_guid);
    return rows.map((row) =>
      presentSecurityGroup(row, { running: spacesOf(row, 'running'), staging: spacesOf(row, 'staging') }, link),
    );
  };
  const present = async (access: CallerAccess, row: SecurityGroupRow): Promise<z.infer<typeof securityGroupSchema>> => {
    const [shown] = await presentAll(access, [row]);
    if (shown === undefined) throw notFound('Security group');
    return shown;
  };
  const find = async (access: CallerAccess, guid: string): Promise<SecurityGroupRow> => {
    const row = await visibleGroups(context, access)
      .selectAll()
      .where('security_groups.guid', '=', guid)
      .executeTakeFirst();
    if (row === undefined) throw notFound('Security group');
    return row;
  };
  /** Throws 422 for spaces that the caller does not see, 403 for those that it may not change. */
  const requireSpaces = async (
    access: CallerAccess,
    lifecycle: Lifecycle,
    guids: readonly string[],
  ): Promise<string[]> => {
    const wanted = [...new Set(guids)];
    const found =
      wanted.length === 0 ? [] : await db.selectFrom('spaces').select('guid').where('guid', 'in', wanted).execute();
    const decisions = new Map<string, string>();
    for (const { guid } of found) decisions.set(guid, await access.inSpace('space.update', guid));
    const missing = wanted.filter((guid) => (decisions.get(guid) ?? 'hidden') === 'hidden');
    if (missing.length > 0) {
      const what = lifecycle === 'running' ? 'Running' : 'Staging';
      throw unprocessable(
        `${what} spaces with guids ${JSON.stringify(missing)} do not exist, or you do not have access to them.`,
      );
    }
    if (wanted.some((guid) => decisions.get(guid) === 'forbidden')) throw new ApiError('NotAuthorized');
    return wanted;
  };

  const orderBy = ['created_at', 'updated_at'];
  api.get(
    '/v3/security_groups',
    {
      schema: {
        querystring: listParameters({ filters: Object.keys(filters), orderBy }),
        response: { 200: listSchema(securityGroupSchema) },
      },
    },
    async (request) => {
      const { query } = request;
      const access = accessOf(request);
      const { rows, totalResults } = await listPage('security_groups', visibleGroups(context, access), filters, query);
      return listBody(request, link, query, totalResults, await presentAll(access, rows));
    },
  );

  api.post(
    '/v3/security_groups',
    { schema: { body: createBody, response: { 201: securityGroupSchema } } },
    async (request, reply) => {
      const access = accessOf(request);
      access.requireAdmin();
      const { name, rules = [], globally_enabled: enabled, relationships } = request.body;
      checkRules(rules);
      const named = async (lifecycle: Lifecycle): Promise<string[]> => {
        const data = relationships?.[`${lifecycle}_spaces`]?.data ?? [];
        return requireSpaces(
          access,
          lifecycle,
          data.map(({ guid }) => guid),
        );
      };
      const spaces = { running: await named('running'), staging: await named('staging') };
      const globallyEnabled = { running: enabled?.running ?? false, staging: enabled?.staging ?? false };
      const spec = { name, rules, globallyEnabled, spaces };
      const row = await writer.write((unit) => createSecurityGroup(unit, platform, spec));
      return reply.code(201).send(await present(access, row));
    },
  );

  api.get(
    '/v3/security_groups/:guid',
    { schema: { params: guidParameters, response: { 200: securityGroupSchema } } },
    async (request) => {
      const access = accessOf(request);
      return present(access, await find(access, request.params.guid));
    },
  );

  api.patch(
    '/v3/security_groups/:guid',
    { schema: { params: guidParameters, body: updateBody, response: { 200: securityGroupSchema } } },
    async (request) => {
      const access = accessOf(request);
      const before = await find(access, request.params.guid);
      access.requireAdmin();
      const { name, rules, globally_enabled: enabled } = request.body;
      checkRules(rules);
      const change = {
        ...(name === undefined ? {} : { name }),
        ...(rules === undefined ? {} : { rules }),
        ...(enabled === undefined
          ? {}
          : {
              globallyEnabled: {
                running: enabled.running ?? before.globally_running === 1,
                staging: enabled.staging ?? before.globally_staging === 1,
              },
            }),
      };
      return present(access, await writer.write((unit) => updateSecurityGroup(unit, before, change)));
    },
  );

  api.delete(
    '/v3/security_groups/:guid',
    { schema: { params: guidParameters, response: jobResponse } },
    async (request, reply) => {
      const access = accessOf(request);
      const row = await find(access, request.params.guid);
      access.requireAdmin();
      const job = await writer.write(async (unit) => {
        await deleteSecurityGroup(unit, row);
        return recordJob(unit, platform, 'security_group.delete');
      });
      return jobAccepted(reply, link, job);
    },
  );

  for (const lifecycle of lifecycles) {
    const bindings = `/v3/security_groups/:guid/relationships/${lifecycle}_spaces`;
    api.post(
      bindings,
      { schema: { params: guidParameters, body: toManyBody, response: { 200: boundSchema } } },
      async (request) => {
        const access = accessOf(request);
        const row = await find(access, request.params.guid);
        const guids = request.body.data.map(({ guid }) => guid);
        const spaces = await requireSpaces(access, lifecycle, guids);
        await writer.write((unit) => bindSpaces(unit, row, lifecycle, spaces));
        const { relationships } = await present(access, row);
        return {
          ...relationships[`${lifecycle}_spaces`],
          links: { self: link(bindings.replace(':guid', row.guid)) },
        };
      },
    );
    api.delete(
      `${bindings}/:space`,
      { schema: { params: z.object({ guid: z.string(), space: z.string() }), response: emptyResponse } },
      async (request, reply) => {
        const access = accessOf(request);
        const row = await find(access, request.params.guid);
        const { space } = request.params;
        const known = await db.selectFrom('spaces').select('guid').where('guid', '=', space).executeTakeFirst();
        const decision = known === undefined ? 'hidden' : await access.inSpace('space.update', space);
        if (decision === 'hidden') throw unprocessable(notBound(space));
        if (decision === 'forbidden') throw new ApiError('NotAuthorized');
        await writer.write((unit) => unbindSpace(unit, row, lifecycle, space));
        return reply.code(204).send();
      },
    );

    api.get(
      `/v3/spaces/:guid/${lifecycle}_security_groups`,
      {
        schema: {
          params: guidParameters,
          querystring: listParameters({ filters: Object.keys(filtersOfSpace), orderBy }),
          response: { 200: listSchema(securityGroupSchema) },
        },
      },
      async (request) => {
        const access = accessOf(request);
        const { guid } = await findSpace(context, access, request.params.guid);
        const { query } = request;
        const base = db
          .selectFrom('security_groups')
          .where((eb) => eb.or([eb(`security_groups.globally_${lifecycle}`, '=', 1), boundTo(lifecycle)(eb, [guid])]));
        const { rows, totalResults } = await listPage('security_groups', base, filtersOfSpace, query);
        return listBody(request, link, query, totalResults, await presentAll(access, rows));
      },
    );
  }
}
