import { type SelectQueryBuilder, type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import { bindService, noteBindingRead, unbindService, updateServiceBinding } from '../actions/service-bindings.ts';
import { openServiceCredentials } from '../actions/service-instances.ts';
import { type Filters, listPage, oneOf } from '../adapters/sql/list-page.ts';
import { loadMetadata } from '../adapters/sql/metadata-entries.ts';
import type { Database, ServiceBindingRow } from '../adapters/sql/schema.ts';
import type { Action } from '../domain/access/decide-access.ts';
import { tellVolume } from '../domain/lrp/volumes.ts';
import { ApiError, notFound, unprocessable } from '../errors.ts';
import { appSchema, presentApp } from '../resources/app.ts';
import {
  presentServiceBinding,
  serviceBindingDetailsSchema,
  serviceBindingSchema,
} from '../resources/service-binding.ts';
import { serviceInstanceSchema } from '../resources/service-instance.ts';
import { listSchema } from '../resources/shapes.ts';
import { type CallerAccess, hideForbidden } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { checkMetadata, guidParameters, metadataBody, toOneBody } from './bodies.ts';
import { includeParameter, listBody, listParameters } from './lists.ts';
import { emptyResponse } from './openapi/answers.ts';
import { findServiceInstance, presentServiceInstances } from './service-instances.ts';

const createBody = z.strictObject({
  type: z
    .string()
    .refine(
      (type) => type === 'app',
      "Service credential bindings of type 'key' are not supported for user-provided service instances.",
    ),
  name: z.string().min(1).max(255).nullable().optional(),
  relationships: z.strictObject({ app: toOneBody.optional(), service_instance: toOneBody }),
  parameters: z.record(z.string(), z.unknown()).nullable().optional(),
  strategy: z
    .literal('single', { error: "The only strategy is 'single': an app is bound to a service once" })
    .optional(),
  metadata: metadataBody.optional(),
});
const updateBody = z.strictObject({ metadata: metadataBody.optional() });

const byInstance = (column: 'name', values: readonly string[]) =>
  sql<SqlBool>`service_bindings.service_instance_guid in (
    select guid from service_instances where ${sql.ref(column)} in (${sql.join([...values])}))`;
const none = () => sql<SqlBool>`1 = 0`;
const filters: Filters<'service_bindings'> = {
  guids: oneOf('service_bindings', 'guid'),
  names: oneOf('service_bindings', 'name'),
  app_guids: oneOf('service_bindings', 'app_guid'),
  app_names: (eb, values) =>
    eb('service_bindings.app_guid', 'in', eb.selectFrom('apps').select('apps.guid').where('apps.name', 'in', values)),
  service_instance_guids: oneOf('service_bindings', 'service_instance_guid'),
  service_instance_names: (_, values) => byInstance('name', values),
  type: (_, values) => (values.includes('app') ? sql<SqlBool>`1 = 1` : none()),
  /** There are no plans and no offerings, hence no bindings to them. */
  service_plan_guids: none,
  service_plan_names: none,
  service_offering_guids: none,
  service_offering_names: none,
};
const including = ['app', 'service_instance'];
const includedSchema = z.object({
  apps: z.array(appSchema).optional(),
  service_instances: z.array(serviceInstanceSchema).optional(),
});
type Included = { readonly included?: z.infer<typeof includedSchema> };

function visibleBindings(
  { db }: ApiContext,
  access: CallerAccess,
): SelectQueryBuilder<Database, 'service_bindings', object> {
  const all = db.selectFrom('service_bindings');
  const mine = access.visibleSpaces('apps.space_guid');
  if (mine === undefined) return all;
  return all.where(sql<SqlBool>`service_bindings.app_guid in (select apps.guid from apps where ${mine})`);
}

/** Which apps get the credentials of which service. */
export function serviceBindingRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, link } = context;
  const present = async (row: ServiceBindingRow): Promise<z.infer<typeof serviceBindingSchema>> =>
    presentServiceBinding(row, (await loadMetadata(db, [row.guid]))(row.guid), link);

  const included = async (names: ReadonlySet<string>, rows: readonly ServiceBindingRow[]): Promise<Included> => {
    if (names.size === 0) return {};
    const appGuids = [...new Set(rows.map((row) => row.app_guid)), ''];
    const apps = await db.selectFrom('apps').selectAll().where('guid', 'in', appGuids).orderBy('id').execute();
    const metadata = await loadMetadata(db, appGuids);
    const instanceGuids = [...new Set(rows.map((row) => row.service_instance_guid)), ''];
    const instances = await db
      .selectFrom('service_instances')
      .selectAll()
      .where('guid', 'in', instanceGuids)
      .orderBy('id')
      .execute();
    return {
      included: {
        ...(names.has('app') ? { apps: apps.map((app) => presentApp(app, metadata(app.guid), link)) } : {}),
        ...(names.has('service_instance')
          ? { service_instances: await presentServiceInstances(context, instances) }
          : {}),
      },
    };
  };

  /** Throws 404, 403. */
  const find = async (access: CallerAccess, guid: string, action: Action): Promise<ServiceBindingRow> => {
    const row = await db.selectFrom('service_bindings').selectAll().where('guid', '=', guid).executeTakeFirst();
    const app =
      row === undefined
        ? undefined
        : await db.selectFrom('apps').select('space_guid').where('guid', '=', row.app_guid).executeTakeFirst();
    if (row === undefined || app === undefined) throw notFound('Service credential binding');
    await access.requireInSpace(action, app.space_guid, 'Service credential binding');
    return row;
  };

  api.get(
    '/v3/service_credential_bindings',
    {
      schema: {
        querystring: listParameters({
          filters: Object.keys(filters),
          orderBy: ['created_at', 'updated_at', 'name'],
          include: including,
        }),
        response: { 200: listSchema(serviceBindingSchema).extend({ included: includedSchema.optional() }) },
      },
    },
    async (request) => {
      const { query } = request;
      const base = visibleBindings(context, accessOf(request));
      const { rows, totalResults } = await listPage('service_bindings', base, filters, query);
      const metadata = await loadMetadata(
        db,
        rows.map((row) => row.guid),
      );
      const resources = rows.map((row) => presentServiceBinding(row, metadata(row.guid), link));
      return { ...listBody(request, link, query, totalResults, resources), ...(await included(query.include, rows)) };
    },
  );

  api.post(
    '/v3/service_credential_bindings',
    { schema: { body: createBody, response: { 201: serviceBindingSchema } } },
    async (request, reply) => {
      const access = accessOf(request);
      const { name = null, relationships, parameters, metadata } = request.body;
      checkMetadata(metadata);
      const instanceGuid = relationships.service_instance.data.guid;
      if (relationships.app === undefined) throw unprocessable("Relationships app can't be blank");
      const appGuid = relationships.app.data.guid;
      const instance = await db
        .selectFrom('service_instances')
        .selectAll()
        .where('guid', '=', instanceGuid)
        .executeTakeFirst();
      if (instance === undefined || (await access.inSpace('service.read', instance.space_guid)) === 'hidden') {
        throw unprocessable(`The service instance could not be found: '${instanceGuid}'`);
      }
      const app = await db.selectFrom('apps').select('space_guid').where('guid', '=', appGuid).executeTakeFirst();
      if (app === undefined || (await access.inSpace('app.read', app.space_guid)) === 'hidden') {
        throw unprocessable(`The app could not be found: '${appGuid}'`);
      }
      await access.requireInSpace('app.operate', app.space_guid, 'App');
      if (parameters !== undefined && parameters !== null && Object.keys(parameters).length > 0) {
        throw unprocessable('Binding parameters are not supported for user-provided service instances');
      }
      const row = await writer.write((unit) => bindService(unit, platform, { appGuid, instance, name, metadata }));
      return reply.code(201).send(await present(row));
    },
  );

  api.get(
    '/v3/service_credential_bindings/:guid',
    {
      schema: {
        params: guidParameters,
        querystring: includeParameter(including),
        response: { 200: serviceBindingSchema.extend({ included: includedSchema.optional() }) },
      },
    },
    async (request) => {
      const row = await find(accessOf(request), request.params.guid, 'service.read');
      return { ...(await present(row)), ...(await included(request.query.include, [row])) };
    },
  );

  api.get(
    '/v3/service_credential_bindings/:guid/details',
    { schema: { params: guidParameters, response: { 200: serviceBindingDetailsSchema } } },
    async (request) => {
      const access = accessOf(request);
      const { guid } = request.params;
      const row = await hideForbidden(
        find(access, guid, 'service.readCredentials'),
        notFound('Service credential binding'),
      );
      const instance = await findServiceInstance(context, access, row.service_instance_guid);
      await writer.write((unit) => noteBindingRead(unit, row));
      const credentials = openServiceCredentials(platform, instance);
      return {
        credentials,
        volume_mounts: [...tellVolume({ instance: { ...instance, tags: [] }, credentials }).mounts],
      };
    },
  );

  api.get(
    '/v3/service_credential_bindings/:guid/parameters',
    { schema: { params: guidParameters } },
    async (request) => {
      await find(accessOf(request), request.params.guid, 'service.read');
      throw new ApiError('ServiceFetchBindingParametersNotSupported');
    },
  );

  api.patch(
    '/v3/service_credential_bindings/:guid',
    { schema: { params: guidParameters, body: updateBody, response: { 200: serviceBindingSchema } } },
    async (request) => {
      const { metadata } = request.body;
      checkMetadata(metadata);
      const { guid } = await find(accessOf(request), request.params.guid, 'service.write');
      return present(await writer.write((unit) => updateServiceBinding(unit, guid, metadata)));
    },
  );

  api.delete(
    '/v3/service_credential_bindings/:guid',
    { schema: { params: guidParameters, response: emptyResponse } },
    async (request, reply) => {
      const row = await find(accessOf(request), request.params.guid, 'app.operate');
      await writer.write((unit) => unbindService(unit, row));
      return reply.code(204).send();
    },
  );
}
