import { type SelectQueryBuilder, type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import {
  assignIsolationSegment,
  createIsolationSegment,
  deleteIsolationSegment,
  entitleOrganizations,
  revokeOrganization,
  updateIsolationSegment,
} from '../actions/isolation-segments.ts';
import { type Filters, listPage, oneOf, oneOfNames } from '../adapters/sql/list-page.ts';
import { loadMetadata } from '../adapters/sql/metadata-entries.ts';
import type { Database, IsolationSegmentRow } from '../adapters/sql/schema.ts';
import { notFound } from '../errors.ts';
import { isolationSegmentSchema, presentIsolationSegment } from '../resources/isolation-segment.ts';
import { organizationSchema } from '../resources/organization.ts';
import { linkSchema, listSchema, toManySchema, toOneOrNone, toOneOrNoneSchema } from '../resources/shapes.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { checkMetadata, guidParameters, metadataBody, nameBody, toManyBody } from './bodies.ts';
import { listBody, listParameters } from './lists.ts';
import { emptyResponse } from './openapi/answers.ts';
import { findOrganization, organizationFilters, presentOrganizations } from './organizations.ts';
import { findSpace } from './spaces.ts';

const createBody = z.strictObject({ name: nameBody, metadata: metadataBody.optional() });
const updateBody = z.strictObject({ name: nameBody.optional(), metadata: metadataBody.optional() });
const assignBody = z.strictObject({ data: z.strictObject({ guid: z.string().min(1) }).nullable() });
const assignedSchema = toOneOrNoneSchema.extend({ links: z.object({ self: linkSchema }) });
const entitledSchema = toManySchema.extend({ links: z.object({ self: linkSchema }) });

const filters: Filters<'isolation_segments'> = {
  names: oneOfNames('isolation_segments', 'name'),
  guids: oneOf('isolation_segments', 'guid'),
  organization_guids: (eb, values) =>
    eb(
      'isolation_segments.guid',
      'in',
      eb.selectFrom('isolation_segment_organizations').select('segment_guid').where('organization_guid', 'in', values),
    ),
};

/** Those that one of the caller's organizations is entitled to. */
function visibleSegments(
  { db }: ApiContext,
  access: CallerAccess,
): SelectQueryBuilder<Database, 'isolation_segments', object> {
  const all = db.selectFrom('isolation_segments');
  const mine = access.visibleOrganizations('e.organization_guid');
  if (mine === undefined) return all;
  return all.where(
    sql<SqlBool>`isolation_segments.guid in (
      select e.segment_guid from isolation_segment_organizations e where ${mine})`,
  );
}

/** Groups of cells that only some organizations may use (Diego's placement tags). */
export function isolationSegmentRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, link } = context;
  const present = async (row: IsolationSegmentRow): Promise<z.infer<typeof isolationSegmentSchema>> =>
    presentIsolationSegment(row, (await loadMetadata(db, [row.guid]))(row.guid), link);
  const find = async (access: CallerAccess, guid: string): Promise<IsolationSegmentRow> => {
    const row = await visibleSegments(context, access)
      .selectAll()
      .where('isolation_segments.guid', '=', guid)
      .executeTakeFirst();
    if (row === undefined) throw notFound('Isolation segment');
    return row;
  };

  const orderBy = ['created_at', 'updated_at', 'name'];
  api.get(
    '/v3/isolation_segments',
    {
      schema: {
        querystring: listParameters({ filters: Object.keys(filters), orderBy }),
        response: { 200: listSchema(isolationSegmentSchema) },
      },
    },
    async (request) => {
      const { query } = request;
      const base = visibleSegments(context, accessOf(request));
      const { rows, totalResults } = await listPage('isolation_segments', base, filters, query);
      const metadata = await loadMetadata(
        db,
        rows.map((row) => row.guid),
      );
      const resources = rows.map((row) => presentIsolationSegment(row, metadata(row.guid), link));
      return listBody(request, link, query, totalResults, resources);
    },
  );

  api.post(
    '/v3/isolation_segments',
    { schema: { body: createBody, response: { 201: isolationSegmentSchema } } },
    async (request, reply) => {
      accessOf(request).requireAdmin();
      const { name, metadata } = request.body;
      checkMetadata(metadata);
      const row = await writer.write((unit) => createIsolationSegment(unit, platform, { name, metadata }));
      return reply.code(201).send(await present(row));
    },
  );

  api.get(
    '/v3/isolation_segments/:guid',
    { schema: { params: guidParameters, response: { 200: isolationSegmentSchema } } },
    async (request) => present(await find(accessOf(request), request.params.guid)),
  );

  api.patch(
    '/v3/isolation_segments/:guid',
    { schema: { params: guidParameters, body: updateBody, response: { 200: isolationSegmentSchema } } },
    async (request) => {
      const access = accessOf(request);
      access.requireAdmin();
      const segment = await find(access, request.params.guid);
      const { name, metadata } = request.body;
      checkMetadata(metadata);
      return present(await writer.write((unit) => updateIsolationSegment(unit, segment, { name, metadata })));
    },
  );

  api.delete(
    '/v3/isolation_segments/:guid',
    { schema: { params: guidParameters, response: emptyResponse } },
    async (request, reply) => {
      const access = accessOf(request);
      access.requireAdmin();
      const segment = await find(access, request.params.guid);
      await writer.write((unit) => deleteIsolationSegment(unit, segment));
      return reply.code(204).send();
    },
  );

  api.get(
    '/v3/isolation_segments/:guid/organizations',
    {
      schema: {
        params: guidParameters,
        querystring: listParameters({ filters: Object.keys(organizationFilters), orderBy }),
        response: { 200: listSchema(organizationSchema) },
      },
    },
    async (request) => {
      const access = accessOf(request);
      const { guid } = await find(access, request.params.guid);
      const { query } = request;
      const visible = access.visibleOrganizations('organizations.guid') ?? sql<SqlBool>`1 = 1`;
      const entitled = db
        .selectFrom('isolation_segment_organizations')
        .select('organization_guid')
        .where('segment_guid', '=', guid);
      const base = db.selectFrom('organizations').where('organizations.guid', 'in', entitled).where(visible);
      const { rows, totalResults } = await listPage('organizations', base, organizationFilters, query);
      return listBody(request, link, query, totalResults, await presentOrganizations(context, rows));
    },
  );

  const entitledTo = async (access: CallerAccess, guid: string): Promise<z.infer<typeof entitledSchema>> => {
    const visible = access.visibleOrganizations('organization_guid') ?? sql<SqlBool>`1 = 1`;
    const rows = await db
      .selectFrom('isolation_segment_organizations')
      .select('organization_guid as guid')
      .where('segment_guid', '=', guid)
      .where(visible)
      .orderBy('organization_guid')
      .execute();
    return { data: rows, links: { self: link(`/v3/isolation_segments/${guid}/relationships/organizations`) } };
  };
  const entitlements = '/v3/isolation_segments/:guid/relationships/organizations';
  api.get(entitlements, { schema: { params: guidParameters, response: { 200: entitledSchema } } }, async (request) => {
    const access = accessOf(request);
    const { guid } = await find(access, request.params.guid);
    return entitledTo(access, guid);
  });
  api.post(
    entitlements,
    { schema: { params: guidParameters, body: toManyBody, response: { 200: entitledSchema } } },
    async (request) => {
      const access = accessOf(request);
      access.requireAdmin();
      const segment = await find(access, request.params.guid);
      const guids = request.body.data.map(({ guid }) => guid);
      await writer.write((unit) => entitleOrganizations(unit, segment, guids));
      return entitledTo(access, segment.guid);
    },
  );
  api.delete(
    `${entitlements}/:organization`,
    { schema: { params: z.object({ guid: z.string(), organization: z.string() }), response: emptyResponse } },
    async (request, reply) => {
      const access = accessOf(request);
      access.requireAdmin();
      const segment = await find(access, request.params.guid);
      await writer.write((unit) => revokeOrganization(unit, segment, request.params.organization));
      return reply.code(204).send();
    },
  );

  assignmentRoutes(api, context);
}

/** Which segment an organization uses by default, and which one a space uses. */
function assignmentRoutes(api: Api, context: ApiContext): void {
  const { writer, link } = context;
  const assigned = (path: string, guid: string | null): z.infer<typeof assignedSchema> => ({
    ...toOneOrNone(guid),
    links: { self: link(path) },
  });
  const ofOrganization = '/v3/organizations/:guid/relationships/default_isolation_segment';
  const ofSpace = '/v3/spaces/:guid/relationships/isolation_segment';
  const shown = { schema: { params: guidParameters, response: { 200: assignedSchema } } };
  const changed = { schema: { ...shown.schema, body: assignBody } };

  api.get(ofOrganization, shown, async (request) => {
    const row = await findOrganization(context, accessOf(request), request.params.guid);
    return assigned(ofOrganization.replace(':guid', row.guid), row.isolation_segment_guid);
  });
  api.patch(ofOrganization, changed, async (request) => {
    const row = await findOrganization(context, accessOf(request), request.params.guid, 'organization.update');
    const segment = request.body.data?.guid ?? null;
    const to = { table: 'organizations', guid: row.guid, organizationGuid: row.guid } as const;
    await writer.write((unit) => assignIsolationSegment(unit, to, segment));
    return assigned(ofOrganization.replace(':guid', row.guid), segment);
  });
  api.get(ofSpace, shown, async (request) => {
    const row = await findSpace(context, accessOf(request), request.params.guid);
    return assigned(ofSpace.replace(':guid', row.guid), row.isolation_segment_guid);
  });
  api.patch(ofSpace, changed, async (request) => {
    const access = accessOf(request);
    const row = await findSpace(context, access, request.params.guid, 'space.assignSegment');
    const segment = request.body.data?.guid ?? null;
    const to = { table: 'spaces', guid: row.guid, organizationGuid: row.organization_guid } as const;
    await writer.write((unit) => assignIsolationSegment(unit, to, segment));
    return assigned(ofSpace.replace(':guid', row.guid), segment);
  });
}
