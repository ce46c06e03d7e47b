import { type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import { recordJob } from '../actions/jobs.ts';
import {
  applyOrganizationQuota,
  createOrganizationQuota,
  deleteOrganizationQuota,
  updateOrganizationQuota,
} from '../actions/quotas.ts';
import { type Filters, listPage, oneOf, oneOfNames } from '../adapters/sql/list-page.ts';
import type { OrganizationQuotaRow } from '../adapters/sql/schema.ts';
import { unlimitedQuota } from '../adapters/sql/seed.ts';
import { notFound } from '../errors.ts';
import {
  organizationQuotaSchema,
  presentOrganizationQuota,
  quotaLimitsSchema,
} from '../resources/organization-quota.ts';
import { linkSchema, listSchema, toManySchema } from '../resources/shapes.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { guidParameters, toManyBody } from './bodies.ts';
import { jobAccepted } from './jobs.ts';
import { listBody, listParameters } from './lists.ts';
import { jobResponse } from './openapi/answers.ts';
import { changeLimits, newOrganizationQuotaBody, organizationQuotaUpdateBody } from './quota-bodies.ts';

const filters: Filters<'organization_quotas'> = {
  names: oneOfNames('organization_quotas', 'name'),
  guids: oneOf('organization_quotas', 'guid'),
  organization_guids: (eb, values) =>
    eb(
      'organization_quotas.guid',
      'in',
      eb.selectFrom('organizations').select('quota_guid').where('organizations.guid', 'in', values),
    ),
};

/** Quotas are for everyone to read, and for administrators to change; of their organizations one sees one's own. */
export function organizationQuotaRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, link } = context;

  const presentAll = async (
    access: CallerAccess,
    rows: readonly OrganizationQuotaRow[],
  ): Promise<z.infer<typeof organizationQuotaSchema>[]> => {
    if (rows.length === 0) return [];
    const visible = access.visibleOrganizations('organizations.guid') ?? sql<SqlBool>`1 = 1`;
    const organizations = await db
      .selectFrom('organizations')
      .select(['guid', 'quota_guid'])
      .where(
        'quota_guid',
        'in',
        rows.map((row) => row.guid),
      )
      .where(visible)
      .orderBy('id')
      .execute();
    const byQuota = Map.groupBy(organizations, (row) => row.quota_guid);
    return rows.map((row) => {
      const guids = (byQuota.get(row.guid) ?? []).map((organization) => organization.guid);
      return presentOrganizationQuota(row, guids, link);
    });
  };
  const present = async (
    access: CallerAccess,
    row: OrganizationQuotaRow,
  ): Promise<z.infer<typeof organizationQuotaSchema>> => {
    const [presented] = await presentAll(access, [row]);
    if (presented === undefined) throw notFound('Organization quota');
    return presented;
  };
  const find = async (guid: string): Promise<OrganizationQuotaRow> => {
    const row = await db.selectFrom('organization_quotas').selectAll().where('guid', '=', guid).executeTakeFirst();
    if (row === undefined) throw notFound('Organization quota');
    return row;
  };

  const orderBy = ['created_at', 'updated_at', 'name'];
  const querystring = listParameters({ filters: Object.keys(filters), orderBy });
  api.get(
    '/v3/organization_quotas',
    { schema: { querystring, response: { 200: listSchema(organizationQuotaSchema) } } },
    async (request) => {
      const { query } = request;
      const base = db.selectFrom('organization_quotas');
      const { rows, totalResults } = await listPage('organization_quotas', base, filters, query);
      return listBody(request, link, query, totalResults, await presentAll(accessOf(request), rows));
    },
  );

  api.post(
    '/v3/organization_quotas',
    { schema: { body: newOrganizationQuotaBody, response: { 201: organizationQuotaSchema } } },
    async (request, reply) => {
      const access = accessOf(request);
      access.requireAdmin();
      const { name, relationships, ...change } = request.body;
      const limits = JSON.stringify(changeLimits(unlimitedQuota, change));
      const organizationGuids = (relationships?.organizations?.data ?? []).map(({ guid }) => guid);
      const row = await writer.write((unit) =>
        createOrganizationQuota(unit, platform, { name, limits, organizationGuids }),
      );
      return reply.code(201).send(await present(access, row));
    },
  );

  api.get(
    '/v3/organization_quotas/:guid',
    { schema: { params: guidParameters, response: { 200: organizationQuotaSchema } } },
    async (request) => present(accessOf(request), await find(request.params.guid)),
  );

  api.patch(
    '/v3/organization_quotas/:guid',
    {
      schema: {
        params: guidParameters,
        body: organizationQuotaUpdateBody,
        response: { 200: organizationQuotaSchema },
      },
    },
    async (request) => {
      const access = accessOf(request);
      const { guid, name: oldName, limits } = await find(request.params.guid);
      access.requireAdmin();
      const { name = oldName, ...change } = request.body;
      const after = changeLimits(quotaLimitsSchema.parse(JSON.parse(limits)), change);
      const row = await writer.write((unit) =>
        updateOrganizationQuota(unit, guid, { name, limits: JSON.stringify(after) }),
      );
      return present(access, row);
    },
  );

  api.delete(
    '/v3/organization_quotas/:guid',
    { schema: { params: guidParameters, response: jobResponse } },
    async (request, reply) => {
      const { guid } = await find(request.params.guid);
      accessOf(request).requireAdmin();
      const job = await writer.write(async (unit) => {
        await deleteOrganizationQuota(unit, guid);
        return recordJob(unit, platform, 'organization_quota.delete');
      });
      return jobAccepted(reply, link, job);
    },
  );

  const applied = toManySchema.extend({ links: z.object({ self: linkSchema }) });
  api.post(
    '/v3/organization_quotas/:guid/relationships/organizations',
    { schema: { params: guidParameters, body: toManyBody, response: { 200: applied } } },
    async (request) => {
      const access = accessOf(request);
      const row = await find(request.params.guid);
      access.requireAdmin();
      const guids = request.body.data.map(({ guid }) => guid);
      await writer.write((unit) => applyOrganizationQuota(unit, row, guids));
      const { relationships } = await present(access, row);
      const self = link(`/v3/organization_quotas/${row.guid}/relationships/organizations`);
      return { ...relationships.organizations, links: { self } };
    },
  );
}
