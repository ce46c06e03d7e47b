import { type Expression, type SelectQueryBuilder, type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import { recordJob } from '../actions/jobs.ts';
import { requireFeature } from '../actions/require-feature.ts';
import { createRoute, deleteRoute, updateRoute } from '../actions/routes.ts';
import { loadDestinations } from '../adapters/sql/destination-rows.ts';
import { usableByOrganization } from '../adapters/sql/domain-rows.ts';
import { loadFeatureFlag } from '../adapters/sql/feature-flag-rows.ts';
import { type Filters, listPage, oneOf } from '../adapters/sql/list-page.ts';
import { loadMetadata } from '../adapters/sql/metadata-entries.ts';
import type { Database, DomainRow, RouteRow, Sql } from '../adapters/sql/schema.ts';
import type { Action } from '../domain/access/decide-access.ts';
import type { Pagination } from '../domain/lists/pagination.ts';
import { optionFaultText, type RouteOptionsChange, readRouteOptions } from '../domain/names/route-options.ts';
import { notFound, unprocessable } from '../errors.ts';
import { domainSchema } from '../resources/domain.ts';
import { presentRoute, routeSchema } from '../resources/route.ts';
import { listSchema } from '../resources/shapes.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { findApp } from './apps.ts';
import { accessOf } from './authentication.ts';
import { checkMetadata, guidParameters, metadataBody, toOneBody } from './bodies.ts';
import { findVisibleDomain, presentDomains } from './domains.ts';
import { includedTenancy, includedTenancySchema, spaceIncludes } from './included-tenancy.ts';
import { jobAccepted } from './jobs.ts';
import { type ListRequest, listBody, listParameters } from './lists.ts';
import { jobResponse } from './openapi/answers.ts';
import { findSpace, spaceOfBodyToChange } from './spaces.ts';

/** What may be in them depends on a feature flag. */
const optionsBody = z.record(z.string(), z.unknown());

const createBody = z.strictObject({
  host: z.string().optional(),
  path: z.string().optional(),
  port: z.int().nullable().optional(),
  relationships: z.strictObject({ space: toOneBody, domain: toOneBody }),
  metadata: metadataBody.optional(),
  options: optionsBody.optional(),
});

const updateBody = z.strictObject({ metadata: metadataBody.optional(), options: optionsBody.optional() });

const filters: Filters<'routes'> = {
  guids: oneOf('routes', 'guid'),
  /** An empty value asks for routes without host. */
  hosts: (eb, values) =>
    eb(
      'routes.host',
      'in',
      values.map((host) => host.toLowerCase()),
    ),
  paths: oneOf('routes', 'path'),
  /** Routes of http have none. */
  ports: () => sql<SqlBool>`1 = 0`,
  domain_guids: oneOf('routes', 'domain_guid'),
  /** Those that are shared with the space too. */
  space_guids: (_, values) => inSpaces(values),
  organization_guids: (eb, values) =>
    eb(
      'routes.space_guid',
      'in',
      eb.selectFrom('spaces').select('spaces.guid').where('organization_guid', 'in', values),
    ),
  app_guids: (eb, values) =>
    eb('routes.guid', 'in', eb.selectFrom('route_destinations').select('route_guid').where('app_guid', 'in', values)),
};

function inSpaces(guids: readonly string[]): Expression<SqlBool> {
  const wanted = sql.join([...guids]);
  return sql<SqlBool>`(routes.space_guid in (${wanted}) or routes.guid in (
    select route_spaces.route_guid from route_spaces where route_spaces.space_guid in (${wanted})))`;
}

/** Throws 422 where the domain is neither everyone's nor the organization's nor shared with it. */
async function requireUsable({ db }: ApiContext, domain: DomainRow, organizationGuid: string): Promise<void> {
  const found = await db
    .selectFrom('domains')
    .select('id')
    .where('guid', '=', domain.guid)
    .where(usableByOrganization(organizationGuid))
    .executeTakeFirst();
  if (found !== undefined) return;
  const { name } = await db
    .selectFrom('organizations')
    .select('name')
    .where('guid', '=', organizationGuid)
    .executeTakeFirstOrThrow();
  throw unprocessable(`Invalid domain. Domain '${domain.name}' is not available in organization '${name}'.`);
}

const includedSchema = includedTenancySchema.extend({ domains: z.array(domainSchema).optional() });
type Included = z.infer<typeof includedSchema>;
const listedSchema = listSchema(routeSchema).extend({ included: includedSchema.optional() });

/** Throws 422. */
async function optionsOf(
  sql: Sql,
  given: Readonly<Record<string, unknown>> | undefined,
): Promise<RouteOptionsChange | undefined> {
  if (given === undefined) return undefined;
  const hash = (await loadFeatureFlag(sql, 'hash_based_routing')).enabled;
  const result = readRouteOptions(given, hash);
  if (result.outcome === 'read') return result.change;
  throw unprocessable(...result.faults.map((fault) => optionFaultText(fault, hash)));
}

/** Throws 404, 403. */
export async function findRoute(
  { db }: ApiContext,
  access: CallerAccess,
  guid: string,
  action: Action = 'route.read',
): Promise<RouteRow> {
  const row = await db.selectFrom('routes').selectAll().where('guid', '=', guid).executeTakeFirst();
  if (row === undefined) throw notFound('Route');
  await access.requireInSpace(action, row.space_guid, 'Route');
  return row;
}

export function routeRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, link } = context;

  const presentAll = async (rows: readonly RouteRow[]): Promise<z.infer<typeof routeSchema>[]> => {
    if (rows.length === 0) return [];
    const guids = rows.map((row) => row.guid);
    const domainGuids = [...new Set(rows.map((row) => row.domain_guid))];
    const domains = await db.selectFrom('domains').select(['guid', 'name']).where('guid', 'in', domainGuids).execute();
    const names = new Map(domains.map((domain) => [domain.guid, domain.name]));
    const destinations = Map.groupBy(await loadDestinations(db, guids), (row) => row.route_guid);
    const metadata = await loadMetadata(db, guids);
    return rows.map((row) => {
      const domainName = names.get(row.domain_guid) ?? '';
      return presentRoute(row, domainName, destinations.get(row.guid) ?? [], metadata(row.guid), link);
    });
  };
  const present = async (row: RouteRow): Promise<z.infer<typeof routeSchema>> => {
    const [presented] = await presentAll([row]);
    if (presented === undefined) throw notFound('Route');
    return presented;
  };

  const included = async (
    access: CallerAccess,
    names: ReadonlySet<string>,
    rows: readonly RouteRow[],
  ): Promise<Included> => {
    const spaceGuids = rows.map((row) => row.space_guid);
    const tenancy = (await includedTenancy(context, names, spaceGuids)) ?? {};
    if (!names.has('domain')) return tenancy;
    const guids = [...new Set(rows.map((row) => row.domain_guid)), ''];
    const domains = await db.selectFrom('domains').selectAll().where('guid', 'in', guids).orderBy('id').execute();
    return { ...tenancy, domains: await presentDomains(context, access, domains) };
  };

  const list = async (
    request: ListRequest,
    base: SelectQueryBuilder<Database, 'routes', object>,
  ): Promise<{ pagination: Pagination; resources: z.infer<typeof routeSchema>[]; included?: Included }> => {
    const { query } = request;
    const { rows, totalResults } = await listPage('routes', base, filters, query);
    const body = listBody(request, link, query, totalResults, await presentAll(rows));
    return query.include.size === 0
      ? body
      : { ...body, included: await included(accessOf(request), query.include, rows) };
  };

  const listing = { orderBy: ['created_at', 'updated_at'], include: ['domain', ...spaceIncludes] };
  const querystring = listParameters({ filters: Object.keys(filters), ...listing });
  api.get('/v3/routes', { schema: { querystring, response: { 200: listedSchema } } }, async (request) => {
    const access = accessOf(request);
    const [visible, shared] = [
      access.visibleSpaces('routes.space_guid', 'route.read'),
      access.visibleSpaces('route_spaces.space_guid', 'route.read'),
    ];
    const all = db.selectFrom('routes');
    if (visible === undefined || shared === undefined) return list(request, all);
    const mine = sql<SqlBool>`(${visible} or routes.guid in (
      select route_spaces.route_guid from route_spaces where ${shared}))`;
    return list(request, all.where(mine));
  });

  const ofApp = Object.keys(filters).filter((name) => name !== 'app_guids');
  api.get(
    '/v3/apps/:guid/routes',
    {
      schema: {
        params: guidParameters,
        querystring: listParameters({ filters: ofApp, ...listing }),
        response: { 200: listedSchema },
      },
    },
    async (request) => {
      const { guid } = await findApp(context, accessOf(request), request.params.guid);
      const mapped = db.selectFrom('route_destinations').select('route_guid').where('app_guid', '=', guid);
      return list(request, db.selectFrom('routes').where('routes.guid', 'in', mapped));
    },
  );

  api.post('/v3/routes', { schema: { body: createBody, response: { 201: routeSchema } } }, async (request, reply) => {
    const access = accessOf(request);
    const { host = '', path = '', port, relationships, metadata, options } = request.body;
    checkMetadata(metadata);
    if (port != null) throw unprocessable("Routes with protocol 'http' do not support ports.");
    const space = await spaceOfBodyToChange(context, access, relationships.space.data.guid, 'route.write');
    const domain = await findVisibleDomain(context, access, relationships.domain.data.guid);
    if (domain === undefined) {
      throw unprocessable('Invalid domain. Ensure that the domain exists and you have access to it.');
    }
    await requireUsable(context, domain, space.organization_guid);
    const row = await writer.write(async (unit) => {
      await requireFeature(unit.sql, 'route_creation', access);
      const wish = await optionsOf(unit.sql, options);
      return createRoute(unit, platform, { host, path, spaceGuid: space.guid, domain, metadata, options: wish });
    });
    return reply.code(201).send(await present(row));
  });

  api.get('/v3/routes/:guid', { schema: { params: guidParameters, response: { 200: routeSchema } } }, async (request) =>
    present(await findRoute(context, accessOf(request), request.params.guid)),
  );

  api.patch(
    '/v3/routes/:guid',
    { schema: { params: guidParameters, body: updateBody, response: { 200: routeSchema } } },
    async (request) => {
      const { metadata, options } = request.body;
      checkMetadata(metadata);
      const { guid } = await findRoute(context, accessOf(request), request.params.guid, 'route.write');
      const row = await writer.write(async (unit) => {
        const wish = await optionsOf(unit.sql, options);
        return updateRoute(unit, platform, guid, { metadata, options: wish });
      });
      return present(row);
    },
  );

  /** `cf delete-orphaned-routes`. */
  api.delete(
    '/v3/spaces/:guid/routes',
    {
      schema: {
        params: guidParameters,
        querystring: z.strictObject({ unmapped: z.literal('true') }),
        response: jobResponse,
      },
    },
    async (request, reply) => {
      const { guid } = await findSpace(context, accessOf(request), request.params.guid, 'app.operate');
      const job = await writer.write(async (unit) => {
        const mapped = unit.sql.selectFrom('route_destinations').select('route_guid');
        const orphans = await unit.sql
          .selectFrom('routes')
          .select('guid')
          .where('space_guid', '=', guid)
          .where('guid', 'not in', mapped)
          .execute();
        for (const route of orphans) await deleteRoute(unit, platform, route.guid);
        return recordJob(unit, platform, 'space.delete_unmapped_routes');
      });
      return jobAccepted(reply, link, job);
    },
  );

  api.delete(
    '/v3/routes/:guid',
    { schema: { params: guidParameters, response: jobResponse } },
    async (request, reply) => {
      const { guid } = await findRoute(context, accessOf(request), request.params.guid, 'route.write');
      const job = await writer.write(async (unit) => {
        await deleteRoute(unit, platform, guid);
        return recordJob(unit, platform, 'route.delete');
      });
      return jobAccepted(reply, link, job);
    },
  );
}
