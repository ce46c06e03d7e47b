import type { SelectQueryBuilder } from 'kysely';
import { z } from 'zod';
import { deleteDroplet } from '../actions/droplets.ts';
import { recordJob } from '../actions/jobs.ts';
import { updateMetadataOfApp } from '../actions/metadata.ts';
import { type Filters, listPage, oneOf } from '../adapters/sql/list-page.ts';
import { loadMetadata } from '../adapters/sql/metadata-entries.ts';
import type { Database, DropletRow } from '../adapters/sql/schema.ts';
import type { Action } from '../domain/access/decide-access.ts';
import type { Pagination } from '../domain/lists/pagination.ts';
import { notFound } from '../errors.ts';
import { dropletSchema, presentDroplet } from '../resources/droplet.ts';
import { listSchema } from '../resources/shapes.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { findApp } from './apps.ts';
import { accessOf } from './authentication.ts';
import { checkMetadata, guidParameters, metadataBody } from './bodies.ts';
import { jobAccepted } from './jobs.ts';
import { type ListRequest, listBody, listParameters } from './lists.ts';
import { jobResponse } from './openapi/answers.ts';
import { findPackage } from './packages.ts';

const filters: Filters<'droplets'> = {
  guids: oneOf('droplets', 'guid'),
  states: oneOf('droplets', 'state'),
  app_guids: oneOf('droplets', 'app_guid'),
  space_guids: (eb, values) =>
    eb('droplets.app_guid', 'in', eb.selectFrom('apps').select('apps.guid').where('space_guid', 'in', values)),
};

export function dropletRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, link } = context;

  const list = async (
    request: ListRequest,
    base: SelectQueryBuilder<Database, 'droplets', object>,
  ): Promise<{ pagination: Pagination; resources: z.infer<typeof dropletSchema>[] }> => {
    const { query } = request;
    const { rows, totalResults } = await listPage('droplets', base, filters, query);
    const metadata = await loadMetadata(
      db,
      rows.map((row) => row.guid),
    );
    const resources = rows.map((row) => presentDroplet(row, metadata(row.guid), link));
    return listBody(request, link, query, totalResults, resources);
  };

  const orderBy = ['created_at', 'updated_at'];
  const listed = {
    querystring: listParameters({ filters: Object.keys(filters), orderBy }),
    response: { 200: listSchema(dropletSchema) },
  };
  api.get('/v3/droplets', { schema: listed }, async (request) => {
    const visible = await accessOf(request).visibleApps('droplets.app_guid');
    const all = db.selectFrom('droplets');
    const base = visible === undefined ? all : all.where(visible);
    return list(request, base);
  });

  /** Throws 404, 403. */
  const find = async (access: CallerAccess, guid: string, action: Action): Promise<DropletRow> => {
    const row = await db.selectFrom('droplets').selectAll().where('guid', '=', guid).executeTakeFirst();
    if (row === undefined) throw notFound('Droplet');
    const app = await db.selectFrom('apps').select('space_guid').where('guid', '=', row.app_guid).executeTakeFirst();
    if (app === undefined) throw notFound('Droplet');
    await access.requireInSpace(action, app.space_guid, 'Droplet');
    return row;
  };
  const present = async (row: DropletRow): Promise<z.infer<typeof dropletSchema>> =>
    presentDroplet(row, (await loadMetadata(db, [row.guid]))(row.guid), link);
  const shown = { response: { 200: dropletSchema } };

  api.get('/v3/droplets/:guid', { schema: { params: guidParameters, ...shown } }, async (request) =>
    present(await find(accessOf(request), request.params.guid, 'app.read')),
  );

  api.patch(
    '/v3/droplets/:guid',
    { schema: { params: guidParameters, body: z.strictObject({ metadata: metadataBody.optional() }), ...shown } },
    async (request) => {
      const { metadata } = request.body;
      checkMetadata(metadata);
      const row = await find(accessOf(request), request.params.guid, 'app.write');
      await writer.write((unit) => updateMetadataOfApp(unit, 'droplet', row, metadata));
      return present(row);
    },
  );

  api.delete(
    '/v3/droplets/:guid',
    { schema: { params: guidParameters, response: jobResponse } },
    async (request, reply) => {
      const row = await find(accessOf(request), request.params.guid, 'app.write');
      const job = await writer.write(async (unit) => {
        await deleteDroplet(unit, row);
        return recordJob(unit, platform, 'droplet.delete');
      });
      return jobAccepted(reply, link, job);
    },
  );

  const querystring = listParameters({ filters: ['guids', 'states'], orderBy });
  api.get(
    '/v3/apps/:guid/droplets',
    { schema: { params: guidParameters, querystring, response: { 200: listSchema(dropletSchema) } } },
    async (request) => {
      const { guid } = await findApp(context, accessOf(request), request.params.guid);
      return list(request, db.selectFrom('droplets').where('droplets.app_guid', '=', guid));
    },
  );

  api.get(
    '/v3/packages/:guid/droplets',
    { schema: { params: guidParameters, querystring, response: { 200: listSchema(dropletSchema) } } },
    async (request) => {
      const { guid } = await findPackage(context, accessOf(request), request.params.guid);
      return list(request, db.selectFrom('droplets').where('droplets.package_guid', '=', guid));
    },
  );
}
