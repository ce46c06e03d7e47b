import { type Expression, type SqlBool, sql } from 'kysely';
import { type Filters, listPage, oneOf } from '../adapters/sql/list-page.ts';
import { notFound } from '../errors.ts';
import { auditEventSchema, presentAuditEvent } from '../resources/audit-event.ts';
import { listSchema } from '../resources/shapes.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { guidParameters } from './bodies.ts';
import { listBody, listParameters } from './lists.ts';

const filters: Filters<'audit_events'> = {
  guids: oneOf('audit_events', 'guid'),
  types: oneOf('audit_events', 'type'),
  target_guids: oneOf('audit_events', 'target_guid'),
  space_guids: oneOf('audit_events', 'space_guid'),
  organization_guids: oneOf('audit_events', 'organization_guid'),
};

/** Undefined when the caller sees all. */
async function visibleEvents(access: CallerAccess): Promise<Expression<SqlBool> | undefined> {
  const inSpaces = await access.visibleSpacesOfMany('audit_events.space_guid', 'event.readInSpace');
  const column = 'audit_events.organization_guid';
  const inOrganizations = await access.visibleOrganizationsOfMany(column, 'event.readInOrganization');
  if (inSpaces === undefined || inOrganizations === undefined) return undefined;
  return sql<SqlBool>`(${inSpaces} or ${inOrganizations})`;
}

/** Who changed what (API v3, "Audit events"). */
export function auditEventRoutes(api: Api, context: ApiContext): void {
  const { db, link } = context;

  const listed = {
    querystring: listParameters({ filters: Object.keys(filters), orderBy: ['created_at', 'updated_at'] }),
    response: { 200: listSchema(auditEventSchema) },
  };
  api.get('/v3/audit_events', { schema: listed }, async (request) => {
    const { query } = request;
    const visible = await visibleEvents(accessOf(request));
    const all = db.selectFrom('audit_events');
    const base = visible === undefined ? all : all.where(visible);
    const { rows, totalResults } = await listPage('audit_events', base, filters, query);
    const resources = rows.map((row) => presentAuditEvent(row, link));
    return listBody(request, link, query, totalResults, resources);
  });

  api.get(
    '/v3/audit_events/:guid',
    { schema: { params: guidParameters, response: { 200: auditEventSchema } } },
    async (request) => {
      const visible = await visibleEvents(accessOf(request));
      const all = db.selectFrom('audit_events').selectAll().where('audit_events.guid', '=', request.params.guid);
      const row = await (visible === undefined ? all : all.where(visible)).executeTakeFirst();
      if (row === undefined) throw notFound('Event');
      return presentAuditEvent(row, link);
    },
  );
}
