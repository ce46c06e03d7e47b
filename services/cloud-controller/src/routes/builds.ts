import { z } from 'zod';
import { updateMetadataOfApp } from '../actions/metadata.ts';
import { createBuild } from '../actions/staging.ts';
import { type Filters, listPage, oneOf } from '../adapters/sql/list-page.ts';
import { loadMetadata } from '../adapters/sql/metadata-entries.ts';
import type { BuildRow } from '../adapters/sql/schema.ts';
import type { Action } from '../domain/access/decide-access.ts';
import { notFound, unprocessable } from '../errors.ts';
import { buildSchema, presentBuild } from '../resources/build.ts';
import { listSchema } from '../resources/shapes.ts';
import type { CallerAccess } from './access.ts';
import { hideForbidden } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { findApp } from './apps.ts';
import { accessOf } from './authentication.ts';
import { checkMetadata, guidParameters, metadataBody } from './bodies.ts';
import { lifecycleBody } from './lifecycle-body.ts';
import { listBody, listParameters } from './lists.ts';
import { findPackage } from './packages.ts';

const createBody = z.strictObject({
  package: z.strictObject({ guid: z.string().min(1) }),
  lifecycle: lifecycleBody.optional(),
  staging_memory_in_mb: z.int().min(1).optional(),
  staging_disk_in_mb: z.int().min(1).optional(),
  staging_log_rate_limit_bytes_per_second: z.int().min(-1).optional(),
  metadata: metadataBody.optional(),
});

const filters: Filters<'builds'> = {
  guids: oneOf('builds', 'guid'),
  states: oneOf('builds', 'state'),
  app_guids: oneOf('builds', 'app_guid'),
  package_guids: oneOf('builds', 'package_guid'),
};
const orderBy = ['created_at', 'updated_at'];

export function buildRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, link } = context;
  const present = async (row: BuildRow): Promise<z.infer<typeof buildSchema>> =>
    presentBuild(row, (await loadMetadata(db, [row.guid]))(row.guid), link);

  api.post('/v3/builds', { schema: { body: createBody, response: { 201: buildSchema } } }, async (request, reply) => {
    const access = accessOf(request);
    const { body } = request;
    checkMetadata(body.metadata);
    const pack = await hideForbidden(
      findPackage(context, access, body.package.guid, 'app.operate'),
      unprocessable('Unable to use package. Ensure that the package exists and you have access to it.'),
    );
    const { caller } = access;
    const by = { admin: access.admin, userGuid: caller.userGuid, userName: caller.userName, email: caller.email };
    const row = await writer.write((unit) =>
      createBuild(unit, platform, by, pack, {
        memoryMb: body.staging_memory_in_mb,
        diskMb: body.staging_disk_in_mb,
        logRateBytesPerSecond: body.staging_log_rate_limit_bytes_per_second,
        metadata: body.metadata,
      }),
    );
    return reply.code(201).send(await present(row));
  });

  /** Throws 404, 403. */
  const find = async (access: CallerAccess, guid: string, action: Action): Promise<BuildRow> => {
    const row = await db.selectFrom('builds').selectAll().where('guid', '=', guid).executeTakeFirst();
    if (row === undefined) throw notFound('Build');
    const app = await db.selectFrom('apps').select('space_guid').where('guid', '=', row.app_guid).executeTakeFirst();
    if (app === undefined) throw notFound('Build');
    await access.requireInSpace(action, app.space_guid, 'Build');
    return row;
  };
  const shown = { response: { 200: buildSchema } };

  api.get('/v3/builds/:guid', { schema: { params: guidParameters, ...shown } }, async (request) =>
    present(await find(accessOf(request), request.params.guid, 'app.read')),
  );

  api.patch(
    '/v3/builds/:guid',
    { schema: { params: guidParameters, body: z.strictObject({ metadata: metadataBody.optional() }), ...shown } },
    async (request) => {
      const { metadata } = request.body;
      checkMetadata(metadata);
      const row = await find(accessOf(request), request.params.guid, 'app.write');
      await writer.write((unit) => updateMetadataOfApp(unit, 'build', row, metadata));
      return present(row);
    },
  );

  const querystring = listParameters({ filters: Object.keys(filters), orderBy });
  api.get('/v3/builds', { schema: { querystring, response: { 200: listSchema(buildSchema) } } }, async (request) => {
    const { query } = request;
    const visible = await accessOf(request).visibleApps('builds.app_guid');
    const base = visible === undefined ? db.selectFrom('builds') : db.selectFrom('builds').where(visible);
    const { rows, totalResults } = await listPage('builds', base, filters, query);
    const metadata = await loadMetadata(
      db,
      rows.map((row) => row.guid),
    );
    const resources = rows.map((row) => presentBuild(row, metadata(row.guid), link));
    return listBody(request, link, query, totalResults, resources);
  });

  api.get(
    '/v3/apps/:guid/builds',
    {
      schema: {
        params: guidParameters,
        querystring: listParameters({ filters: ['guids', 'states', 'package_guids'], orderBy }),
        response: { 200: listSchema(buildSchema) },
      },
    },
    async (request) => {
      const { guid } = await findApp(context, accessOf(request), request.params.guid);
      const { query } = request;
      const base = db.selectFrom('builds').where('builds.app_guid', '=', guid);
      const { rows, totalResults } = await listPage('builds', base, filters, query);
      const metadata = await loadMetadata(
        db,
        rows.map((row) => row.guid),
      );
      const resources = rows.map((row) => presentBuild(row, metadata(row.guid), link));
      return listBody(request, link, query, totalResults, resources);
    },
  );
}
