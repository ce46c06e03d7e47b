import type { SelectQueryBuilder } from 'kysely';
import { type Filters, listPage, oneOf } from '../adapters/sql/list-page.ts';
import type { Database } from '../adapters/sql/schema.ts';
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

function visibleEvents({ db }: ApiContext, access: CallerAccess): SelectQueryBuilder<Database, 'audit_events', object> {
  const inSpaces = access.visibleSpaces('audit_events.space_guid', 'event.readInSpace');
  const inOrganizations = access.visibleOrganizations('audit_events.organization_guid', 'event.readInOrganization');
  const all = db.selectFrom('audit_events');
  if (inSpaces === undefined || inOrganizations === undefined) return all;
  return all.where((eb) => eb.or([inSpaces, inOrganizations]));
}

/** Who changed what (API v3, "Audit events"). */
export function auditEventRoutes(api: Api, context: ApiContext): void {
  const { link } = context;

  const listed = {
    querystring: listParameters({ filters: Object.keys(filters), orderBy: ['created_at', 'updated_at'] }),
    response: { 200: listSchema(auditEventSchema) },
  };
  api.get('/v3/audit_events', { schema: listed }, async (request) => {
    const { query } = request;
    const base = visibleEvents(context, accessOf(request));
    const { rows, totalResults } = await listPage('audit_events', base, filters, query);
    const resources = rows.map((row) => presentAuditEvent(row, link));
    return listBody(request, link, query, totalResults, resources);
  });

  api.get(
    '/v3/audit_events/:guid',
    { schema: { params: guidParameters, response: { 200: auditEventSchema } } },
    async (request) => {
      const row = await visibleEvents(context, accessOf(request))
        .selectAll()
        .where('audit_events.guid', '=', request.params.guid)
        .executeTakeFirst();
      if (row === undefined) throw notFound('Event');
      return presentAuditEvent(row, link);
    },
  );
}
