import type { SelectQueryBuilder } from 'kysely';
import { z } from 'zod';
import { recordJob } from '../actions/jobs.ts';
import { copyPackage, deletePackage, updatePackage } from '../actions/packages.ts';
import { createPackage } from '../actions/staging.ts';
import { type Filters, listPage, oneOf } from '../adapters/sql/list-page.ts';
import { loadMetadata } from '../adapters/sql/metadata-entries.ts';
import type { Database, PackageRow } from '../adapters/sql/schema.ts';
import type { Action } from '../domain/access/decide-access.ts';
import { ApiError, notFound, unprocessable } from '../errors.ts';
import { packageSchema, presentPackage } from '../resources/package.ts';
import { listSchema } from '../resources/shapes.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { findApp } from './apps.ts';
import { accessOf } from './authentication.ts';
import { checkMetadata, guidParameters, metadataBody, toOneBody } from './bodies.ts';
import { jobAccepted } from './jobs.ts';
import { type ListRequest, listBody, listParameters } from './lists.ts';
import { jobResponse } from './openapi/answers.ts';

/** cloud_controller_ng's limit. */
const MAX_PASSWORD = 5000;

/** Of a copy only the app is given. */
const createBody = z.strictObject({
  type: z
    .string()
    .refine((type) => type === 'docker', 'Slipway runs Docker images only: use a package of type "docker"')
    .optional(),
  relationships: z.strictObject({ app: toOneBody }),
  data: z
    .strictObject({
      image: z.string().trim().min(1),
      username: z.string().min(1).nullable().optional(),
      password: z.string().max(MAX_PASSWORD).nullable().optional(),
    })
    .optional(),
  metadata: metadataBody.optional(),
});
const copyParameters = z.strictObject({ source_guid: z.string().optional() });
const updateBody = z.strictObject({
  username: z.string().min(1).optional(),
  password: z.string().max(MAX_PASSWORD).optional(),
  metadata: metadataBody.optional(),
});

const filters: Filters<'packages'> = {
  guids: oneOf('packages', 'guid'),
  states: oneOf('packages', 'state'),
  types: oneOf('packages', 'type'),
  app_guids: oneOf('packages', 'app_guid'),
  space_guids: (eb, values) =>
    eb('packages.app_guid', 'in', eb.selectFrom('apps').select('apps.guid').where('space_guid', 'in', values)),
};

/** Throws 404, 403. */
export async function findPackage(
  { db }: ApiContext,
  access: CallerAccess,
  guid: string,
  action: Action = 'app.read',
): Promise<PackageRow> {
  const row = await db
    .selectFrom('packages')
    .innerJoin('apps', 'apps.guid', 'packages.app_guid')
    .selectAll('packages')
    .select('apps.space_guid')
    .where('packages.guid', '=', guid)
    .executeTakeFirst();
  if (row === undefined) throw notFound('Package');
  const { space_guid: spaceGuid, ...found } = row;
  await access.requireInSpace(action, spaceGuid, 'Package');
  return found;
}

/** The package to copy. Throws 422, 403. */
async function sourceOf(context: ApiContext, access: CallerAccess, guid: string): Promise<PackageRow> {
  return findPackage(context, access, guid, 'app.write').catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 404) {
      throw unprocessable('Source package is invalid. Ensure it exists and you have access to it.');
    }
    throw error;
  });
}

export function packageRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, link } = context;
  const present = async (row: PackageRow): Promise<z.infer<typeof packageSchema>> =>
    presentPackage(row, (await loadMetadata(db, [row.guid]))(row.guid), link);

  api.post(
    '/v3/packages',
    { schema: { body: createBody, querystring: copyParameters, response: { 201: packageSchema } } },
    async (request, reply) => {
      const { type, relationships, data, metadata } = request.body;
      checkMetadata(metadata);
      const appGuid = relationships.app.data.guid;
      const app = await db.selectFrom('apps').select('space_guid').where('guid', '=', appGuid).executeTakeFirst();
      const decision = app === undefined ? 'hidden' : await accessOf(request).inSpace('app.write', app.space_guid);
      if (decision === 'hidden') throw unprocessable('App is invalid. Ensure it exists and you have access to it.');
      if (decision === 'forbidden') throw new ApiError('NotAuthorized');
      const { source_guid: sourceGuid } = request.query;
      if (sourceGuid !== undefined) {
        const source = await sourceOf(context, accessOf(request), sourceGuid);
        const copy = await writer.write((unit) => copyPackage(unit, platform, source, appGuid));
        return reply.code(201).send(await present(copy));
      }
      if (type === undefined || data === undefined) throw unprocessable("Type must be 'docker', and data an object");
      const username = data.username ?? null;
      const password = data.password ?? null;
      if ((username === null) !== (password === null)) {
        throw unprocessable('Data username and password must be given together');
      }
      const spec = { appGuid, image: data.image, username, password, metadata };
      const row = await writer.write((unit) => createPackage(unit, platform, spec));
      return reply.code(201).send(await present(row));
    },
  );

  api.get(
    '/v3/packages/:guid',
    { schema: { params: guidParameters, response: { 200: packageSchema } } },
    async (request) => present(await findPackage(context, accessOf(request), request.params.guid)),
  );

  api.patch(
    '/v3/packages/:guid',
    { schema: { params: guidParameters, body: updateBody, response: { 200: packageSchema } } },
    async (request) => {
      const { username, password, metadata } = request.body;
      checkMetadata(metadata);
      const row = await findPackage(context, accessOf(request), request.params.guid, 'app.write');
      if ((username ?? row.username) === null || (password ?? row.password) === null) {
        if (username !== undefined || password !== undefined) {
          throw unprocessable('Data username and password must be given together');
        }
      }
      const change = { username, password, metadata };
      return present(await writer.write((unit) => updatePackage(unit, platform, row, change)));
    },
  );

  api.delete(
    '/v3/packages/:guid',
    { schema: { params: guidParameters, response: jobResponse } },
    async (request, reply) => {
      const row = await findPackage(context, accessOf(request), request.params.guid, 'app.write');
      const job = await writer.write(async (unit) => {
        await deletePackage(unit, row);
        return recordJob(unit, platform, 'package.delete');
      });
      return jobAccepted(reply, link, job);
    },
  );

  const list = async (
    request: ListRequest,
    base: SelectQueryBuilder<Database, 'packages', object>,
  ): Promise<{ pagination: ReturnType<typeof listBody>['pagination']; resources: z.infer<typeof packageSchema>[] }> => {
    const { query } = request;
    const { rows, totalResults } = await listPage('packages', base, filters, query);
    const metadata = await loadMetadata(
      db,
      rows.map((row) => row.guid),
    );
    const resources = rows.map((row) => presentPackage(row, metadata(row.guid), link));
    return listBody(request, link, query, totalResults, resources);
  };

  const listed = { response: { 200: listSchema(packageSchema) } };
  const orderBy = ['created_at', 'updated_at'];
  const querystring = listParameters({ filters: Object.keys(filters), orderBy });
  api.get('/v3/packages', { schema: { ...listed, querystring } }, async (request) => {
    const visible = await accessOf(request).visibleApps('packages.app_guid');
    const base = db.selectFrom('packages');
    return list(request, visible === undefined ? base : base.where(visible));
  });

  const ofApp = listParameters({ filters: ['guids', 'states', 'types'], orderBy });
  api.get(
    '/v3/apps/:guid/packages',
    { schema: { ...listed, params: guidParameters, querystring: ofApp } },
    async (request) => {
      const { guid } = await findApp(context, accessOf(request), request.params.guid);
      const base = db.selectFrom('packages').where('packages.app_guid', '=', guid);
      return list(request, base);
    },
  );
}
