import { type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import { requireFeature } from '../actions/require-feature.ts';
import {
  createServiceInstance,
  deleteServiceInstance,
  noteCredentialsRead,
  openServiceCredentials,
  updateServiceInstance,
} from '../actions/service-instances.ts';
import { type Filters, listPage, oneOf, oneOfNames } from '../adapters/sql/list-page.ts';
import { loadMetadata } from '../adapters/sql/metadata-entries.ts';
import type { ServiceInstanceRow } from '../adapters/sql/schema.ts';
import type { Action } from '../domain/access/decide-access.ts';
import { notFound, unprocessable } from '../errors.ts';
import { presentServiceInstance, serviceInstanceSchema } from '../resources/service-instance.ts';
import { listSchema } from '../resources/shapes.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { checkMetadata, guidParameters, metadataBody, toOneBody } from './bodies.ts';
import { listBody, listParameters } from './lists.ts';
import { emptyResponse } from './openapi/answers.ts';
import { includedFields, serviceFieldNames, serviceFieldParameters, serviceFieldsSchema } from './service-fields.ts';
import { spaceOfBody } from './spaces.ts';

const MAX_NAME = 255;
/** cloud_controller_ng's limit for all tags together. */
const MAX_TAGS_LENGTH = 2048;

const name = z.string().min(1).max(MAX_NAME);
const credentials = z.record(z.string(), z.unknown());
const tags = z
  .array(z.string())
  .refine(
    (list) => list.join('').length <= MAX_TAGS_LENGTH,
    `Tags are too long (maximum is ${MAX_TAGS_LENGTH} characters)`,
  );
const empty = (explain: string) =>
  z
    .string()
    .nullable()
    .optional()
    .refine((url) => url === undefined || url === null || url === '', explain);
const drains = empty(
  'Log drains are not supported: read logs with cf logs or the log-cache API. Leave syslog_drain_url out.',
);
const routeServices = empty(
  'Route services are not supported: traffic goes from the router to the app. Leave route_service_url out.',
);

const createBody = z.strictObject({
  type: z
    .string()
    .refine(
      (type) => type === 'user-provided',
      'There are no managed services: use cf create-user-provided-service with the credentials of a service that runs elsewhere',
    ),
  name,
  credentials: credentials.nullable().optional(),
  tags: tags.optional(),
  syslog_drain_url: drains,
  route_service_url: routeServices,
  relationships: z.object({ space: toOneBody }),
  metadata: metadataBody.optional(),
  parameters: z.unknown().optional(),
});
const updateBody = z.strictObject({
  name: name.optional(),
  credentials: credentials.nullable().optional(),
  tags: tags.optional(),
  syslog_drain_url: drains,
  route_service_url: routeServices,
  metadata: metadataBody.optional(),
});

const none = () => sql<SqlBool>`1 = 0`;
const filters: Filters<'service_instances'> = {
  names: oneOfNames('service_instances', 'name'),
  guids: oneOf('service_instances', 'guid'),
  space_guids: oneOf('service_instances', 'space_guid'),
  organization_guids: (eb, values) =>
    eb(
      'service_instances.space_guid',
      'in',
      eb.selectFrom('spaces').select('spaces.guid').where('organization_guid', 'in', values),
    ),
  type: (_, values) => (values.includes('user-provided') ? sql<SqlBool>`1 = 1` : none()),
  /** There are no plans, hence no instances of one. */
  service_plan_guids: none,
  service_plan_names: none,
};
const included = { included: serviceFieldsSchema.optional() };

/** Throws 404, 403. */
export async function findServiceInstance(
  { db }: ApiContext,
  access: CallerAccess,
  guid: string,
  action: Action = 'service.read',
): Promise<ServiceInstanceRow> {
  const row = await db.selectFrom('service_instances').selectAll().where('guid', '=', guid).executeTakeFirst();
  if (row === undefined) throw notFound('Service instance');
  await access.requireInSpace(action, row.space_guid, 'Service instance');
  return row;
}

export async function presentServiceInstances(
  { db, link }: ApiContext,
  rows: readonly ServiceInstanceRow[],
): Promise<z.infer<typeof serviceInstanceSchema>[]> {
  const metadata = await loadMetadata(
    db,
    rows.map((row) => row.guid),
  );
  return rows.map((row) => presentServiceInstance(row, metadata(row.guid), link));
}

/** User-provided service instances: names for credentials of what runs elsewhere. */
export function serviceInstanceRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, link } = context;
  const present = async (row: ServiceInstanceRow): Promise<z.infer<typeof serviceInstanceSchema>> =>
    presentServiceInstance(row, (await loadMetadata(db, [row.guid]))(row.guid), link);

  const orderBy = ['created_at', 'updated_at', 'name'];
  const querystring = listParameters({ filters: Object.keys(filters), orderBy, others: serviceFieldNames });
  api.get(
    '/v3/service_instances',
    { schema: { querystring, response: { 200: listSchema(serviceInstanceSchema).extend(included) } } },
    async (request) => {
      const { query } = request;
      const visible = accessOf(request).visibleSpaces('service_instances.space_guid');
      const all = db.selectFrom('service_instances');
      const base = visible === undefined ? all : all.where(visible);
      const { rows, totalResults } = await listPage('service_instances', base, filters, query);
      const body = listBody(request, link, query, totalResults, await presentServiceInstances(context, rows));
      return { ...body, ...(await includedFields(context, query.repeated, rows)) };
    },
  );

  api.post(
    '/v3/service_instances',
    { schema: { body: createBody, response: { 201: serviceInstanceSchema } } },
    async (request, reply) => {
      const access = accessOf(request);
      const { body } = request;
      checkMetadata(body.metadata);
      if (body.parameters !== undefined) throw unprocessable("Unknown field(s): 'parameters'");
      const space = await spaceOfBody(context, access, body.relationships.space.data.guid, 'service.write');
      const spec = {
        name: body.name,
        spaceGuid: space.guid,
        credentials: body.credentials ?? {},
        tags: body.tags ?? [],
        metadata: body.metadata,
      };
      const row = await writer.write(async (unit) => {
        await requireFeature(unit.sql, 'service_instance_creation', access);
        return createServiceInstance(unit, platform, spec);
      });
      return reply.code(201).send(await present(row));
    },
  );

  api.get(
    '/v3/service_instances/:guid',
    {
      schema: {
        params: guidParameters,
        querystring: serviceFieldParameters,
        response: { 200: serviceInstanceSchema.extend(included) },
      },
    },
    async (request) => {
      const row = await findServiceInstance(context, accessOf(request), request.params.guid);
      return { ...(await present(row)), ...(await includedFields(context, Object.entries(request.query), [row])) };
    },
  );

  api.get(
    '/v3/service_instances/:guid/credentials',
    { schema: { params: guidParameters, response: { 200: z.record(z.string(), z.unknown()) } } },
    async (request) => {
      const { guid } = request.params;
      const row = await findServiceInstance(context, accessOf(request), guid, 'service.readCredentials');
      await writer.write((unit) => noteCredentialsRead(unit, row));
      return openServiceCredentials(platform, row);
    },
  );

  api.patch(
    '/v3/service_instances/:guid',
    { schema: { params: guidParameters, body: updateBody, response: { 200: serviceInstanceSchema } } },
    async (request) => {
      const { name: newName, credentials: secret, tags: newTags, metadata } = request.body;
      checkMetadata(metadata);
      const before = await findServiceInstance(context, accessOf(request), request.params.guid, 'service.write');
      const change = {
        name: newName,
        credentials: secret === null ? {} : secret,
        tags: newTags,
        metadata,
      };
      return present(await writer.write((unit) => updateServiceInstance(unit, platform, before, change)));
    },
  );

  api.delete(
    '/v3/service_instances/:guid',
    { schema: { params: guidParameters, response: emptyResponse } },
    async (request, reply) => {
      const { guid } = await findServiceInstance(context, accessOf(request), request.params.guid, 'service.write');
      await writer.write((unit) => deleteServiceInstance(unit, guid));
      return reply.code(204).send();
    },
  );
}
