import { sql } from 'kysely';
import { z } from 'zod';
import { reseedAppUsageEvents } from '../actions/app-usage-events.ts';
import { auditResource } from '../actions/audit.ts';
import { reseedServiceUsageEvents } from '../actions/service-usage-events.ts';
import { type Filters, listPage, oneOf } from '../adapters/sql/list-page.ts';
import type { Sql } from '../adapters/sql/schema.ts';
import { notFound, unprocessable } from '../errors.ts';
import { listSchema } from '../resources/shapes.ts';
import {
  appUsageEventSchema,
  presentAppUsageEvent,
  presentServiceUsageEvent,
  serviceUsageEventSchema,
} from '../resources/usage-event.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { guidParameters } from './bodies.ts';
import { listBody, listParameters } from './lists.ts';

type Table = 'app_usage_events' | 'service_usage_events';

/** `after_guid` is made one of these before it gets here: the ids of the events that come after. */
const appFilters: Filters<'app_usage_events'> = {
  guids: oneOf('app_usage_events', 'guid'),
  after_guid: (eb, [id]) => eb('app_usage_events.id', '>', Number(id)),
};
const serviceFilters: Filters<'service_usage_events'> = {
  guids: oneOf('service_usage_events', 'guid'),
  after_guid: (eb, [id]) => eb('service_usage_events.id', '>', Number(id)),
};
const querystring = listParameters({ filters: ['guids', 'after_guid'], orderBy: ['created_at'] });
type Query = z.output<typeof querystring>;

/** Throws 422. */
async function followOn(db: Sql, table: Table, query: Query): Promise<Query> {
  const after = query.filters.get('after_guid');
  if (after === undefined) return query;
  const [guid] = after;
  if (guid === undefined || after.length > 1) throw unprocessable('After guid filter accepts only one guid');
  const row = await db.selectFrom(table).select('id').where('guid', '=', guid).executeTakeFirst();
  if (row === undefined) {
    const kind = table === 'app_usage_events' ? 'app' : 'service';
    throw unprocessable(`After guid filter must be a valid ${kind} usage event guid.`);
  }
  return { ...query, filters: new Map([...query.filters, ['after_guid', [String(row.id)]]]) };
}

/** What was used, and from when on: for whoever writes bills. Those who see the whole platform see it, others nothing. */
export function usageEventRoutes(api: Api, context: ApiContext): void {
  const { db, writer, link } = context;
  const nothing = sql<boolean>`1 = 0`;

  const apps = { querystring, response: { 200: listSchema(appUsageEventSchema) } };
  api.get('/v3/app_usage_events', { schema: apps }, async (request) => {
    const query = await followOn(db, 'app_usage_events', request.query);
    const all = db.selectFrom('app_usage_events');
    const base = accessOf(request).seesAll ? all : all.where(nothing);
    const { rows, totalResults } = await listPage('app_usage_events', base, appFilters, query);
    const resources = rows.map((row) => presentAppUsageEvent(row, link));
    return listBody(request, link, query, totalResults, resources);
  });

  api.get(
    '/v3/app_usage_events/:guid',
    { schema: { params: guidParameters, response: { 200: appUsageEventSchema } } },
    async (request) => {
      const { guid } = request.params;
      const row = await db.selectFrom('app_usage_events').selectAll().where('guid', '=', guid).executeTakeFirst();
      if (row === undefined || !accessOf(request).seesAll) throw notFound('App usage event');
      return presentAppUsageEvent(row, link);
    },
  );

  const services = { querystring, response: { 200: listSchema(serviceUsageEventSchema) } };
  api.get('/v3/service_usage_events', { schema: services }, async (request) => {
    const query = await followOn(db, 'service_usage_events', request.query);
    const all = db.selectFrom('service_usage_events');
    const base = accessOf(request).seesAll ? all : all.where(nothing);
    const { rows, totalResults } = await listPage('service_usage_events', base, serviceFilters, query);
    const resources = rows.map((row) => presentServiceUsageEvent(row, link));
    return listBody(request, link, query, totalResults, resources);
  });

  api.get(
    '/v3/service_usage_events/:guid',
    { schema: { params: guidParameters, response: { 200: serviceUsageEventSchema } } },
    async (request) => {
      const { guid } = request.params;
      const row = await db.selectFrom('service_usage_events').selectAll().where('guid', '=', guid).executeTakeFirst();
      if (row === undefined || !accessOf(request).seesAll) throw notFound('Service usage event');
      return presentServiceUsageEvent(row, link);
    },
  );

  const reseeded = { response: { 200: z.object({}) } };
  for (const [table, reseed] of [
    ['app_usage_events', reseedAppUsageEvents],
    ['service_usage_events', reseedServiceUsageEvents],
  ] as const) {
    const path = `/v3/${table}/actions/destructively_purge_all_and_reseed`;
    api.post(path, { schema: reseeded }, async (request) => {
      accessOf(request).requireAdmin();
      await writer.write(async (unit) => {
        await reseed(unit);
        await auditResource(unit, table.slice(0, -1), 'purge-and-reseed', { guid: table, name: table });
      });
      return {};
    });
  }
}
