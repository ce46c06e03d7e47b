import { type Expression, type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import { recordJob } from '../actions/jobs.ts';
import { requireFeature } from '../actions/require-feature.ts';
import { createOrganization, deleteOrganization } from '../actions/tenancy.ts';
import { type Filters, listPage, oneOf, oneOfNames } from '../adapters/sql/list-page.ts';
import { loadMetadata } from '../adapters/sql/metadata-entries.ts';
import type { OrganizationRow } from '../adapters/sql/schema.ts';
import type { Action } from '../domain/access/decide-access.ts';
import { ApiError, notFound } from '../errors.ts';
import { organizationSchema, presentOrganization } from '../resources/organization.ts';
import { organizationQuotaSchema, presentOrganizationQuota } from '../resources/organization-quota.ts';
import { listSchema } from '../resources/shapes.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { checkMetadata, guidParameters, metadataBody, nameBody } from './bodies.ts';
import { jobAccepted } from './jobs.ts';
import { listBody, listQuery } from './lists.ts';

const createBody = z.strictObject({
  name: nameBody,
  suspended: z.boolean().default(false),
  metadata: metadataBody.optional(),
});

const filters: Filters<'organizations'> = {
  names: oneOfNames('organizations', 'name'),
  guids: oneOf('organizations', 'guid'),
};
const orderBy = ['created_at', 'updated_at', 'name'];

/** Throws 404, 403. */
export async function findOrganization(
  { db }: ApiContext,
  access: CallerAccess,
  guid: string,
  action: Action = 'organization.read',
): Promise<OrganizationRow> {
  const row = await db.selectFrom('organizations').selectAll().where('guid', '=', guid).executeTakeFirst();
  if (row === undefined) throw notFound('Organization');
  await access.requireInOrganization(action, guid, 'Organization');
  return row;
}

export async function presentOrganizations(
  { db, link }: ApiContext,
  rows: readonly OrganizationRow[],
): Promise<z.infer<typeof organizationSchema>[]> {
  const metadata = await loadMetadata(
    db,
    rows.map((row) => row.guid),
  );
  return rows.map((row) => presentOrganization(row, metadata(row.guid), link));
}

export function organizationRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, link } = context;
  const present = async (row: OrganizationRow): Promise<z.infer<typeof organizationSchema>> =>
    presentOrganization(row, (await loadMetadata(db, [row.guid]))(row.guid), link);

  api.get('/v3/organizations', { schema: { response: { 200: listSchema(organizationSchema) } } }, async (request) => {
    const query = listQuery(request, { filters: Object.keys(filters), orderBy });
    const visible = accessOf(request).visibleOrganizations('organizations.guid');
    const base = db
      .selectFrom('organizations')
      .$if(visible !== undefined, (qb) => qb.where(visible as Expression<SqlBool>));
    const { rows, totalResults } = await listPage('organizations', base, filters, query);
    return listBody(request, link, query, totalResults, await presentOrganizations(context, rows));
  });

  api.post(
    '/v3/organizations',
    { schema: { body: createBody, response: { 201: organizationSchema } } },
    async (request, reply) => {
      const access = accessOf(request);
      const { name, suspended, metadata } = request.body;
      checkMetadata(metadata);
      const row = await writer.write(async (unit) => {
        if (!access.admin) {
          await requireFeature(unit.sql, 'user_org_creation', access).catch((cause: unknown) => {
            throw new ApiError('NotAuthorized', '', { cause });
          });
        }
        return createOrganization(unit, platform, { name, suspended, metadata });
      });
      return reply.code(201).send(await present(row));
    },
  );

  api.get(
    '/v3/organizations/:guid',
    { schema: { params: guidParameters, response: { 200: organizationSchema } } },
    async (request) => present(await findOrganization(context, accessOf(request), request.params.guid)),
  );

  api.delete('/v3/organizations/:guid', { schema: { params: guidParameters } }, async (request, reply) => {
    const { guid } = await findOrganization(context, accessOf(request), request.params.guid, 'organization.delete');
    const job = await writer.write(async (unit) => {
      await deleteOrganization(unit, platform, guid);
      return recordJob(unit, platform, 'organization.delete');
    });
    return jobAccepted(reply, link, job);
  });

  organizationQuotaRoutes(api, context);
}

const quotaFilters: Filters<'organization_quotas'> = {
  names: oneOfNames('organization_quotas', 'name'),
  guids: oneOf('organization_quotas', 'guid'),
};

/** Quotas are for everyone to read; of their organizations one sees one's own. */
function organizationQuotaRoutes(api: Api, { db, link }: ApiContext): void {
  const organizationsOf = async (access: CallerAccess, guids: readonly string[]): Promise<Map<string, string[]>> => {
    if (guids.length === 0) return new Map();
    const visible = access.visibleOrganizations('organizations.guid') ?? sql<SqlBool>`1 = 1`;
    const rows = await db
      .selectFrom('organizations')
      .select(['guid', 'quota_guid'])
      .where('quota_guid', 'in', guids)
      .where(visible)
      .orderBy('id')
      .execute();
    return new Map(
      [...Map.groupBy(rows, (row) => row.quota_guid)].map(([quota, group]) => [quota, group.map((row) => row.guid)]),
    );
  };

  api.get(
    '/v3/organization_quotas',
    { schema: { response: { 200: listSchema(organizationQuotaSchema) } } },
    async (request) => {
      const query = listQuery(request, { filters: Object.keys(quotaFilters), orderBy });
      const base = db.selectFrom('organization_quotas');
      const { rows, totalResults } = await listPage('organization_quotas', base, quotaFilters, query);
      const organizations = await organizationsOf(
        accessOf(request),
        rows.map((row) => row.guid),
      );
      const resources = rows.map((row) => presentOrganizationQuota(row, organizations.get(row.guid) ?? [], link));
      return listBody(request, link, query, totalResults, resources);
    },
  );

  api.get(
    '/v3/organization_quotas/:guid',
    { schema: { params: guidParameters, response: { 200: organizationQuotaSchema } } },
    async (request) => {
      const { guid } = request.params;
      const row = await db.selectFrom('organization_quotas').selectAll().where('guid', '=', guid).executeTakeFirst();
      if (row === undefined) throw notFound('Organization quota');
      const organizations = await organizationsOf(accessOf(request), [guid]);
      return presentOrganizationQuota(row, organizations.get(guid) ?? [], link);
    },
  );
}
