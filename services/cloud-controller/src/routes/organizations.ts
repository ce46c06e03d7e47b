import type { Expression, SqlBool } from 'kysely';
import { z } from 'zod';
import { recordJob } from '../actions/jobs.ts';
import { requireFeature } from '../actions/require-feature.ts';
import { createOrganization, deleteOrganization, updateOrganization } from '../actions/tenancy.ts';
import { type Filters, listPage, oneOf, oneOfNames } from '../adapters/sql/list-page.ts';
import { loadMetadata } from '../adapters/sql/metadata-entries.ts';
import type { OrganizationRow } from '../adapters/sql/schema.ts';
import type { Action } from '../domain/access/decide-access.ts';
import { ApiError, notFound } from '../errors.ts';
import { organizationSchema, presentOrganization } from '../resources/organization.ts';
import { listSchema } from '../resources/shapes.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { checkMetadata, guidParameters, metadataBody, nameBody } from './bodies.ts';
import { jobAccepted } from './jobs.ts';
import { listBody, listParameters } from './lists.ts';
import { jobResponse } from './openapi/answers.ts';

const createBody = z.strictObject({
  name: nameBody,
  suspended: z.boolean().default(false),
  metadata: metadataBody.optional(),
});

const updateBody = z.strictObject({
  name: nameBody.optional(),
  suspended: z.boolean().optional(),
  metadata: metadataBody.optional(),
});

export const organizationFilters: Filters<'organizations'> = {
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

  const listed = {
    querystring: listParameters({ filters: Object.keys(organizationFilters), orderBy }),
    response: { 200: listSchema(organizationSchema) },
  };
  api.get('/v3/organizations', { schema: listed }, async (request) => {
    const { query } = request;
    const visible = accessOf(request).visibleOrganizations('organizations.guid');
    const base = db
      .selectFrom('organizations')
      .$if(visible !== undefined, (qb) => qb.where(visible as Expression<SqlBool>));
    const { rows, totalResults } = await listPage('organizations', base, organizationFilters, query);
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

  api.delete(
    '/v3/organizations/:guid',
    { schema: { params: guidParameters, response: jobResponse } },
    async (request, reply) => {
      const { guid } = await findOrganization(context, accessOf(request), request.params.guid, 'organization.delete');
      const job = await writer.write(async (unit) => {
        await deleteOrganization(unit, platform, guid);
        return recordJob(unit, platform, 'organization.delete');
      });
      return jobAccepted(reply, link, job);
    },
  );

  api.patch(
    '/v3/organizations/:guid',
    { schema: { params: guidParameters, body: updateBody, response: { 200: organizationSchema } } },
    async (request) => {
      const { name, suspended, metadata } = request.body;
      checkMetadata(metadata);
      const access = accessOf(request);
      const before = await findOrganization(context, access, request.params.guid, 'organization.update');
      // Whoever manages an organization could lift its suspension otherwise.
      if (suspended !== undefined && suspended !== (before.suspended === 1)) access.requireAdmin();
      const change = { name, suspended, metadata };
      return present(await writer.write((unit) => updateOrganization(unit, before, change)));
    },
  );
}
