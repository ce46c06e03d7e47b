import { type SelectQueryBuilder, type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import { recordJob } from '../actions/jobs.ts';
import {
  applySpaceQuota,
  createSpaceQuota,
  deleteSpaceQuota,
  removeSpaceQuota,
  updateSpaceQuota,
} from '../actions/quotas.ts';
import { type Filters, listPage, oneOf, oneOfNames } from '../adapters/sql/list-page.ts';
import type { Database, SpaceQuotaRow } from '../adapters/sql/schema.ts';
import { unlimitedQuota } from '../adapters/sql/seed.ts';
import { ApiError, notFound, unprocessable } from '../errors.ts';
import { linkSchema, listSchema, toManySchema } from '../resources/shapes.ts';
import { presentSpaceQuota, spaceQuotaLimitsSchema, spaceQuotaSchema } from '../resources/space-quota.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { guidParameters, toManyBody } from './bodies.ts';
import { jobAccepted } from './jobs.ts';
import { listBody, listParameters } from './lists.ts';
import { emptyResponse, jobResponse } from './openapi/answers.ts';
import { changeLimits, newSpaceQuotaBody, spaceQuotaUpdateBody } from './quota-bodies.ts';

const filters: Filters<'space_quotas'> = {
  names: oneOfNames('space_quotas', 'name'),
  guids: oneOf('space_quotas', 'guid'),
  organization_guids: oneOf('space_quotas', 'organization_guid'),
  space_guids: (eb, values) =>
    eb(
      'space_quotas.guid',
      'in',
      eb.selectFrom('spaces').select('spaces.quota_guid').where('spaces.guid', 'in', values),
    ),
};

/** Those of organizations that the caller manages, and those that spaces have which it may see. */
function visibleQuotas({ db }: ApiContext, access: CallerAccess): SelectQueryBuilder<Database, 'space_quotas', object> {
  const all = db.selectFrom('space_quotas');
  const spaces = access.visibleSpaces('spaces.guid');
  if (spaces === undefined) return all;
  const { userGuid } = access.caller;
  return all.where(
    sql<SqlBool>`(space_quotas.organization_guid in (
        select organization_guid from roles where user_guid = ${userGuid} and type = 'organization_manager')
      or space_quotas.guid in (select spaces.quota_guid from spaces where ${spaces}))`,
  );
}

export function spaceQuotaRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, link } = context;

  const presentAll = async (
    access: CallerAccess,
    rows: readonly SpaceQuotaRow[],
  ): Promise<z.infer<typeof spaceQuotaSchema>[]> => {
    if (rows.length === 0) return [];
    const visible = access.visibleSpaces('spaces.guid') ?? sql<SqlBool>`1 = 1`;
    const spaces = await db
      .selectFrom('spaces')
      .select(['guid', 'quota_guid'])
      .where(
        'quota_guid',
        'in',
        rows.map((row) => row.guid),
      )
      .where(visible)
      .orderBy('id')
      .execute();
    const byQuota = Map.groupBy(spaces, (row) => row.quota_guid);
    return rows.map((row) => {
      const guids = (byQuota.get(row.guid) ?? []).map((space) => space.guid);
      return presentSpaceQuota(row, guids, link);
    });
  };
  const present = async (access: CallerAccess, row: SpaceQuotaRow): Promise<z.infer<typeof spaceQuotaSchema>> => {
    const [presented] = await presentAll(access, [row]);
    if (presented === undefined) throw notFound('Space quota');
    return presented;
  };
  const find = async (access: CallerAccess, guid: string, effect: 'read' | 'write'): Promise<SpaceQuotaRow> => {
    const row = await visibleQuotas(context, access)
      .selectAll()
      .where('space_quotas.guid', '=', guid)
      .executeTakeFirst();
    if (row === undefined) throw notFound('Space quota');
    if (effect === 'write') {
      await access.requireInOrganization('organization.update', row.organization_guid, 'Space quota');
    }
    return row;
  };

  const orderBy = ['created_at', 'updated_at', 'name'];
  const listed = {
    querystring: listParameters({ filters: Object.keys(filters), orderBy }),
    response: { 200: listSchema(spaceQuotaSchema) },
  };
  api.get('/v3/space_quotas', { schema: listed }, async (request) => {
    const access = accessOf(request);
    const { query } = request;
    const { rows, totalResults } = await listPage('space_quotas', visibleQuotas(context, access), filters, query);
    return listBody(request, link, query, totalResults, await presentAll(access, rows));
  });

  api.post(
    '/v3/space_quotas',
    { schema: { body: newSpaceQuotaBody, response: { 201: spaceQuotaSchema } } },
    async (request, reply) => {
      const access = accessOf(request);
      const { name, relationships, ...change } = request.body;
      const organizationGuid = relationships.organization.data.guid;
      const organization = await db
        .selectFrom('organizations')
        .select('guid')
        .where('guid', '=', organizationGuid)
        .executeTakeFirst();
      if (organization === undefined) {
        throw unprocessable(
          `Organization with guid '${organizationGuid}' does not exist, or you do not have access to it.`,
        );
      }
      if ((await access.inOrganization('organization.update', organizationGuid)) !== 'allowed') {
        throw new ApiError('NotAuthorized');
      }
      const limits = JSON.stringify(changeLimits(unlimitedQuota, change));
      const spaceGuids = (relationships.spaces?.data ?? []).map(({ guid }) => guid);
      const spec = { name, limits, organizationGuid, spaceGuids };
      const row = await writer.write((unit) => createSpaceQuota(unit, platform, spec));
      return reply.code(201).send(await present(access, row));
    },
  );

  api.get(
    '/v3/space_quotas/:guid',
    { schema: { params: guidParameters, response: { 200: spaceQuotaSchema } } },
    async (request) => {
      const access = accessOf(request);
      return present(access, await find(access, request.params.guid, 'read'));
    },
  );

  api.patch(
    '/v3/space_quotas/:guid',
    { schema: { params: guidParameters, body: spaceQuotaUpdateBody, response: { 200: spaceQuotaSchema } } },
    async (request) => {
      const access = accessOf(request);
      const { guid, name: oldName, limits } = await find(access, request.params.guid, 'write');
      const { name = oldName, ...change } = request.body;
      const before = { ...unlimitedQuota, ...spaceQuotaLimitsSchema.parse(JSON.parse(limits)) };
      const after = JSON.stringify(changeLimits(before, change));
      return present(access, await writer.write((unit) => updateSpaceQuota(unit, guid, { name, limits: after })));
    },
  );

  api.delete(
    '/v3/space_quotas/:guid',
    { schema: { params: guidParameters, response: jobResponse } },
    async (request, reply) => {
      const { guid } = await find(accessOf(request), request.params.guid, 'write');
      const job = await writer.write(async (unit) => {
        await deleteSpaceQuota(unit, guid);
        return recordJob(unit, platform, 'space_quota.delete');
      });
      return jobAccepted(reply, link, job);
    },
  );

  const applied = toManySchema.extend({ links: z.object({ self: linkSchema }) });
  api.post(
    '/v3/space_quotas/:guid/relationships/spaces',
    { schema: { params: guidParameters, body: toManyBody, response: { 200: applied } } },
    async (request) => {
      const access = accessOf(request);
      const row = await find(access, request.params.guid, 'write');
      const guids = request.body.data.map(({ guid }) => guid);
      await writer.write((unit) => applySpaceQuota(unit, row, guids));
      const { relationships } = await present(access, row);
      const self = link(`/v3/space_quotas/${row.guid}/relationships/spaces`);
      return { ...relationships.spaces, links: { self } };
    },
  );

  api.delete(
    '/v3/space_quotas/:guid/relationships/spaces/:space',
    { schema: { params: z.object({ guid: z.string(), space: z.string() }), response: emptyResponse } },
    async (request, reply) => {
      const quota = await find(accessOf(request), request.params.guid, 'write');
      await writer.write((unit) => removeSpaceQuota(unit, quota, request.params.space));
      return reply.code(204).send();
    },
  );
}
