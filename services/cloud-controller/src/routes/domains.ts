import { type SelectQueryBuilder, type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import { shareDomain } from '../actions/domain-sharing.ts';
import { createDomain, deleteDomain, updateDomain } from '../actions/domains.ts';
import { recordJob } from '../actions/jobs.ts';
import { requireFeature } from '../actions/require-feature.ts';
import { loadSharedOrganizations, usableByOrganization } from '../adapters/sql/domain-rows.ts';
import { type Filters, listPage, oneOf, oneOfNames } from '../adapters/sql/list-page.ts';
import { loadMetadata } from '../adapters/sql/metadata-entries.ts';
import type { Database, DomainRow, OrganizationRow } from '../adapters/sql/schema.ts';
import { ApiError, notFound, unprocessable } from '../errors.ts';
import { domainSchema, presentDomain } from '../resources/domain.ts';
import { listSchema } from '../resources/shapes.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { checkMetadata, guidParameters, metadataBody, toManyBody, toOneBody } from './bodies.ts';
import { jobAccepted } from './jobs.ts';
import { listBody, listParameters } from './lists.ts';
import { jobResponse } from './openapi/answers.ts';
import { findOrganization } from './organizations.ts';
import { organizationsToShareWith } from './organizations-to-share-with.ts';

const createBody = z.strictObject({
  name: z.string(),
  internal: z.boolean().nullable().optional(),
  router_group: z.strictObject({ guid: z.string() }).nullable().optional(),
  relationships: z
    .strictObject({
      organization: toOneBody.optional(),
      shared_organizations: toManyBody.optional(),
    })
    .optional(),
  metadata: metadataBody.optional(),
});
const updateBody = z.strictObject({ metadata: metadataBody.optional() });
const reservationSchema = z.object({ matching_route: z.boolean() });

const filters: Filters<'domains'> = {
  names: oneOfNames('domains', 'name'),
  guids: oneOf('domains', 'guid'),
  organization_guids: oneOf('domains', 'organization_guid'),
};

/** Shared domains are everyone's; a private one is seen by those who have a role in its organization. */
function visibleDomains({ db }: ApiContext, access: CallerAccess): SelectQueryBuilder<Database, 'domains', object> {
  const mine = access.visibleOrganizations('domains.organization_guid', 'domain.read');
  const shared = access.visibleOrganizations('domain_organizations.organization_guid', 'domain.read');
  const all = db.selectFrom('domains');
  if (mine === undefined || shared === undefined) return all;
  return all.where(
    sql<SqlBool>`(domains.organization_guid is null or ${mine} or domains.guid in (
      select domain_organizations.domain_guid from domain_organizations where ${shared}))`,
  );
}

/** Of the organizations that one is shared with, the caller sees its own. */
export async function presentDomains(
  { db, link }: ApiContext,
  access: CallerAccess,
  rows: readonly DomainRow[],
): Promise<z.infer<typeof domainSchema>[]> {
  const guids = rows.map((row) => row.guid);
  const visible = access.visibleOrganizations('domain_organizations.organization_guid');
  const sharedWith = await loadSharedOrganizations(db, guids, visible);
  const metadata = await loadMetadata(db, guids);
  return rows.map((row) => presentDomain(row, sharedWith(row.guid), metadata(row.guid), link));
}

/** Undefined when there is none, or none that the caller may see. */
export function findVisibleDomain(
  context: ApiContext,
  access: CallerAccess,
  guid: string,
): Promise<DomainRow | undefined> {
  return visibleDomains(context, access).selectAll().where('domains.guid', '=', guid).executeTakeFirst();
}

/** Throws 404, and 403 to those who may not change it: a shared one is the administrators', a private one's managers'. */
export async function findWritableDomain(context: ApiContext, access: CallerAccess, guid: string): Promise<DomainRow> {
  const row = await findVisibleDomain(context, access, guid);
  if (row === undefined) throw notFound('Domain');
  if (row.organization_guid === null) access.requireAdmin();
  else await access.requireInOrganization('domain.write', row.organization_guid, 'Domain');
  return row;
}

/** Undefined for a shared domain. Throws 403, and 422 where a path would give 404. */
async function ownerOf(
  { db }: ApiContext,
  access: CallerAccess,
  guid: string | undefined,
): Promise<OrganizationRow | undefined> {
  if (guid === undefined) {
    access.requireAdmin();
    return undefined;
  }
  const row = await db.selectFrom('organizations').selectAll().where('guid', '=', guid).executeTakeFirst();
  if (row === undefined) {
    throw unprocessable(`Organization with guid '${guid}' does not exist or you do not have access to it.`);
  }
  if ((await access.inOrganization('domain.write', guid)) !== 'allowed') throw new ApiError('NotAuthorized');
  return row;
}

export function domainRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, link } = context;
  const present = async (access: CallerAccess, row: DomainRow): Promise<z.infer<typeof domainSchema>> => {
    const [presented] = await presentDomains(context, access, [row]);
    if (presented === undefined) throw notFound('Domain');
    return presented;
  };
  const orderBy = ['created_at', 'updated_at', 'name'];

  const querystring = listParameters({ filters: Object.keys(filters), orderBy });
  api.get('/v3/domains', { schema: { querystring, response: { 200: listSchema(domainSchema) } } }, async (request) => {
    const { query } = request;
    const access = accessOf(request);
    const { rows, totalResults } = await listPage('domains', visibleDomains(context, access), filters, query);
    return listBody(request, link, query, totalResults, await presentDomains(context, access, rows));
  });

  api.post('/v3/domains', { schema: { body: createBody, response: { 201: domainSchema } } }, async (request, reply) => {
    const access = accessOf(request);
    const { name, internal, router_group, relationships, metadata } = request.body;
    checkMetadata(metadata);
    if (router_group != null) {
      throw unprocessable('There are no router groups: routes are http only. Leave router_group out.');
    }
    if (internal === true && relationships !== undefined) {
      throw unprocessable('Cannot associate an internal domain with an organization');
    }
    const shared = (relationships?.shared_organizations?.data ?? []).map(({ guid }) => guid);
    if (shared.length > 0 && relationships?.organization === undefined) {
      throw unprocessable('Relationships cannot contain shared_organizations without an owning organization.');
    }
    const organization = await ownerOf(context, access, relationships?.organization?.data.guid);
    const sharedWith = await organizationsToShareWith(context, access, shared);
    const row = await writer.write(async (unit) => {
      if (organization !== undefined) await requireFeature(unit.sql, 'private_domain_creation', access);
      const domain = await createDomain(unit, platform, { name, internal: internal === true, organization, metadata });
      if (sharedWith.length > 0) await shareDomain(unit, domain, sharedWith);
      return domain;
    });
    return reply.code(201).send(await present(access, row));
  });

  api.patch(
    '/v3/domains/:guid',
    { schema: { params: guidParameters, body: updateBody, response: { 200: domainSchema } } },
    async (request) => {
      const { metadata } = request.body;
      checkMetadata(metadata);
      const access = accessOf(request);
      const { guid } = await findWritableDomain(context, access, request.params.guid);
      return present(access, await writer.write((unit) => updateDomain(unit, guid, metadata)));
    },
  );

  api.delete(
    '/v3/domains/:guid',
    { schema: { params: guidParameters, response: jobResponse } },
    async (request, reply) => {
      const { guid } = await findWritableDomain(context, accessOf(request), request.params.guid);
      if ((await loadSharedOrganizations(db, [guid]))(guid).length > 0) {
        throw unprocessable('This domain is shared with other organizations. Unshare before deleting.');
      }
      const job = await writer.write(async (unit) => {
        await deleteDomain(unit, platform, guid);
        return recordJob(unit, platform, 'domain.delete');
      });
      return jobAccepted(reply, link, job);
    },
  );

  /** `cf check-route`: is there such a route, wherever it is. */
  api.get(
    '/v3/domains/:guid/route_reservations',
    {
      schema: {
        params: guidParameters,
        querystring: z.strictObject({
          host: z.string().optional(),
          path: z.string().optional(),
          port: z.string().optional(),
        }),
        response: { 200: reservationSchema },
      },
    },
    async (request) => {
      const row = await findVisibleDomain(context, accessOf(request), request.params.guid);
      if (row === undefined) throw notFound('Domain');
      const { host = '', path = '', port = '' } = request.query;
      const route = await db
        .selectFrom('routes')
        .select('id')
        .where('domain_guid', '=', row.guid)
        .where('host', '=', host.toLowerCase())
        .where('path', '=', path)
        .executeTakeFirst();
      return { matching_route: port === '' && route !== undefined };
    },
  );

  api.get(
    '/v3/domains/:guid',
    { schema: { params: guidParameters, response: { 200: domainSchema } } },
    async (request) => {
      const access = accessOf(request);
      const row = await findVisibleDomain(context, access, request.params.guid);
      if (row === undefined) throw notFound('Domain');
      return present(access, row);
    },
  );

  api.get(
    '/v3/organizations/:guid/domains',
    {
      schema: {
        params: guidParameters,
        querystring: listParameters({ filters: ['names', 'guids'], orderBy }),
        response: { 200: listSchema(domainSchema) },
      },
    },
    async (request) => {
      const access = accessOf(request);
      const { guid } = await findOrganization(context, access, request.params.guid);
      const { query } = request;
      const base = visibleDomains(context, access).where(usableByOrganization(guid));
      const { rows, totalResults } = await listPage('domains', base, filters, query);
      return listBody(request, link, query, totalResults, await presentDomains(context, access, rows));
    },
  );

  api.get(
    '/v3/organizations/:guid/domains/default',
    { schema: { params: guidParameters, response: { 200: domainSchema } } },
    async (request) => {
      const access = accessOf(request);
      const { guid } = await findOrganization(context, access, request.params.guid);
      // The oldest shared one, else the oldest of the organization's own (cloud_controller_ng `default_domain`).
      const row = await db
        .selectFrom('domains')
        .selectAll()
        .where('internal', '=', 0)
        .where((eb) => eb.or([eb('organization_guid', 'is', null), eb('organization_guid', '=', guid)]))
        .orderBy(sql`case when organization_guid is null then 0 else 1 end`)
        .orderBy('id')
        .executeTakeFirst();
      if (row === undefined) throw notFound('Domain');
      return present(access, row);
    },
  );
}
