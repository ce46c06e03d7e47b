import { type Expression, type SelectQueryBuilder, type SqlBool, sql } from 'kysely';
import { type Filters, listPage, oneOf, oneOfNames } from '../adapters/sql/list-page.ts';
import { loadMetadata } from '../adapters/sql/metadata-entries.ts';
import type { Database, DomainRow } from '../adapters/sql/schema.ts';
import { notFound } from '../errors.ts';
import { domainSchema, presentDomain } from '../resources/domain.ts';
import { listSchema } from '../resources/shapes.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { guidParameters } from './bodies.ts';
import { listBody, listQuery } from './lists.ts';
import { findOrganization } from './organizations.ts';

const filters: Filters<'domains'> = {
  names: oneOfNames('domains', 'name'),
  guids: oneOf('domains', 'guid'),
  organization_guids: oneOf('domains', 'organization_guid'),
};

/** Shared domains are everyone's; a private one is seen by those who have a role in its organization. */
function visibleDomains({ db }: ApiContext, access: CallerAccess): SelectQueryBuilder<Database, 'domains', object> {
  const mine: Expression<SqlBool> | undefined = access.visibleOrganizations('domains.organization_guid');
  const all = db.selectFrom('domains');
  return mine === undefined ? all : all.where((eb) => eb.or([eb('domains.organization_guid', 'is', null), mine]));
}

/** Undefined when there is none, or none that the caller may see. */
export function findVisibleDomain(
  context: ApiContext,
  access: CallerAccess,
  guid: string,
): Promise<DomainRow | undefined> {
  return visibleDomains(context, access).selectAll().where('domains.guid', '=', guid).executeTakeFirst();
}

export function domainRoutes(api: Api, context: ApiContext): void {
  const { db, link } = context;
  const orderBy = ['created_at', 'updated_at', 'name'];

  api.get('/v3/domains', { schema: { response: { 200: listSchema(domainSchema) } } }, async (request) => {
    const query = listQuery(request, { filters: Object.keys(filters), orderBy });
    const base = visibleDomains(context, accessOf(request));
    const { rows, totalResults } = await listPage('domains', base, filters, query);
    const metadata = await loadMetadata(
      db,
      rows.map((row) => row.guid),
    );
    const resources = rows.map((row) => presentDomain(row, metadata(row.guid), link));
    return listBody(request, link, query, totalResults, resources);
  });

  api.get(
    '/v3/domains/:guid',
    { schema: { params: guidParameters, response: { 200: domainSchema } } },
    async (request) => {
      const row = await findVisibleDomain(context, accessOf(request), request.params.guid);
      if (row === undefined) throw notFound('Domain');
      return presentDomain(row, (await loadMetadata(db, [row.guid]))(row.guid), link);
    },
  );

  api.get(
    '/v3/organizations/:guid/domains',
    { schema: { params: guidParameters, response: { 200: listSchema(domainSchema) } } },
    async (request) => {
      const access = accessOf(request);
      const { guid } = await findOrganization(context, access, request.params.guid);
      const query = listQuery(request, { filters: ['names', 'guids'], orderBy });
      const base = visibleDomains(context, access).where(
        sql<SqlBool>`(domains.organization_guid is null or domains.organization_guid = ${guid})`,
      );
      const { rows, totalResults } = await listPage('domains', base, filters, query);
      const metadata = await loadMetadata(
        db,
        rows.map((row) => row.guid),
      );
      const resources = rows.map((row) => presentDomain(row, metadata(row.guid), link));
      return listBody(request, link, query, totalResults, resources);
    },
  );

  api.get(
    '/v3/organizations/:guid/domains/default',
    { schema: { params: guidParameters, response: { 200: domainSchema } } },
    async (request) => {
      const { guid } = await findOrganization(context, accessOf(request), request.params.guid);
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
      return presentDomain(row, (await loadMetadata(db, [row.guid]))(row.guid), link);
    },
  );
}
