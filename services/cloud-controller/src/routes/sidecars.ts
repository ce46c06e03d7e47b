import type { SelectQueryBuilder } from 'kysely';
import { z } from 'zod';
import { createSidecar, deleteSidecar, loadSidecarTypes, type Sidecar, updateSidecar } from '../actions/sidecars.ts';
import { listPage } from '../adapters/sql/list-page.ts';
import type { Database } from '../adapters/sql/schema.ts';
import type { Action } from '../domain/access/decide-access.ts';
import type { Pagination } from '../domain/lists/pagination.ts';
import { notFound } from '../errors.ts';
import { listSchema } from '../resources/shapes.ts';
import { presentSidecar, sidecarSchema } from '../resources/sidecar.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { findApp } from './apps.ts';
import { accessOf } from './authentication.ts';
import { guidParameters, processTypesBody } from './bodies.ts';
import { type ListRequest, listBody, listParameters } from './lists.ts';
import { emptyResponse } from './openapi/answers.ts';
import { findProcess } from './processes.ts';

/** PostgreSQL's `integer`; nothing sensible is larger. */
const MAX_INT = 2_147_483_647;

const name = z.string().min(1).max(255);
const command = z.string().min(1).max(4096);
const memory = z
  .int()
  .max(MAX_INT)
  .refine((size) => size > 0, 'Memory in mb must be greater than 0');

const createBody = z
  .strictObject({ name, command, process_types: processTypesBody, memory_in_mb: memory.nullable().optional() })
  .meta({ id: 'SidecarCreateBody' });

const updateBody = z
  .strictObject({
    name: name.optional(),
    command: command.optional(),
    process_types: processTypesBody.optional(),
    memory_in_mb: memory.nullable().optional(),
  })
  .meta({ id: 'SidecarUpdateBody' });

/** Processes beside the app in its instances (API v3, "Sidecars"). */
export function sidecarRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, link } = context;

  /** Throws 404, 403. */
  const findSidecar = async (access: CallerAccess, guid: string, action: Action): Promise<Sidecar> => {
    const row = await db.selectFrom('sidecars').selectAll().where('guid', '=', guid).executeTakeFirst();
    const app =
      row && (await db.selectFrom('apps').select('space_guid').where('guid', '=', row.app_guid).executeTakeFirst());
    if (row === undefined || app === undefined) throw notFound('Sidecar');
    await access.requireInSpace(action, app.space_guid, 'Sidecar');
    return { ...row, types: (await loadSidecarTypes(db, [guid]))(guid) };
  };

  const list = async (
    request: ListRequest,
    base: SelectQueryBuilder<Database, 'sidecars', object>,
  ): Promise<{ pagination: Pagination; resources: z.infer<typeof sidecarSchema>[] }> => {
    const { query } = request;
    const { rows, totalResults } = await listPage('sidecars', base, {}, query);
    const typesOf = await loadSidecarTypes(
      db,
      rows.map(({ guid }) => guid),
    );
    const resources = rows.map((row) => presentSidecar({ ...row, types: typesOf(row.guid) }));
    return listBody(request, link, query, totalResults, resources);
  };

  const querystring = listParameters({ filters: [], orderBy: ['created_at', 'updated_at'] });
  const listed = { params: guidParameters, querystring, response: { 200: listSchema(sidecarSchema) } };
  const shown = { params: guidParameters, response: { 200: sidecarSchema } };

  api.get('/v3/apps/:guid/sidecars', { schema: listed }, async (request) => {
    const { guid } = await findApp(context, accessOf(request), request.params.guid);
    return list(request, db.selectFrom('sidecars').where('sidecars.app_guid', '=', guid));
  });

  api.get('/v3/processes/:guid/sidecars', { schema: listed }, async (request) => {
    const { process } = await findProcess(context, accessOf(request), request.params);
    const beside = db.selectFrom('sidecar_process_types').select('sidecar_guid').where('type', '=', process.type);
    const base = db.selectFrom('sidecars').where('sidecars.app_guid', '=', process.app_guid);
    return list(request, base.where('sidecars.guid', 'in', beside));
  });

  api.post(
    '/v3/apps/:guid/sidecars',
    { schema: { params: guidParameters, body: createBody, response: { 201: sidecarSchema } } },
    async (request, reply) => {
      const { guid } = await findApp(context, accessOf(request), request.params.guid, 'app.write');
      const { process_types, memory_in_mb = null, ...wish } = request.body;
      const settings = { ...wish, types: process_types, memoryMb: memory_in_mb };
      const sidecar = await writer.write((unit) => createSidecar(unit, platform, guid, settings));
      return reply.code(201).send(presentSidecar(sidecar));
    },
  );

  api.get('/v3/sidecars/:guid', { schema: shown }, async (request) =>
    presentSidecar(await findSidecar(accessOf(request), request.params.guid, 'app.read')),
  );

  api.patch('/v3/sidecars/:guid', { schema: { ...shown, body: updateBody } }, async (request) => {
    const { guid } = await findSidecar(accessOf(request), request.params.guid, 'app.write');
    const { process_types, memory_in_mb, ...change } = request.body;
    const all = { ...change, types: process_types, memoryMb: memory_in_mb };
    return presentSidecar(await writer.write((unit) => updateSidecar(unit, guid, all)));
  });

  api.delete(
    '/v3/sidecars/:guid',
    { schema: { params: guidParameters, response: emptyResponse } },
    async (request, reply) => {
      const { guid } = await findSidecar(accessOf(request), request.params.guid, 'app.write');
      await writer.write((unit) => deleteSidecar(unit, guid));
      return reply.code(204).send();
    },
  );
}
