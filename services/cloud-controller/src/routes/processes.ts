import type { FastifyRequest } from 'fastify';
import type { SelectQueryBuilder } from 'kysely';
import { z } from 'zod';
import { requireNoDeployment } from '../actions/active-deployment.ts';
import { changeProcess, type ProcessChange, retireInstance } from '../actions/processes.ts';
import { requireFeature } from '../actions/require-feature.ts';
import { type Filters, listPage, oneOf } from '../adapters/sql/list-page.ts';
import { loadMetadata, saveMetadata } from '../adapters/sql/metadata-entries.ts';
import type { Database, ProcessRow, Sql } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import type { Action } from '../domain/access/decide-access.ts';
import type { Pagination } from '../domain/lists/pagination.ts';
import { lrpGuid } from '../domain/lrp/process-guid.ts';
import { type ErrorName, notFound } from '../errors.ts';
import { presentProcess, processSchema } from '../resources/process.ts';
import { processStatsSchema } from '../resources/process-stats.ts';
import { listSchema } from '../resources/shapes.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { findApp } from './apps.ts';
import { accessOf } from './authentication.ts';
import { checkMetadata, guidParameters } from './bodies.ts';
import { detectedIn } from './detected-in-image.ts';
import { type ListRequest, listBody, listParameters } from './lists.ts';
import { emptyResponse } from './openapi/answers.ts';
import { scaleBody, scaleChange, updateBody, updateChange } from './process-bodies.ts';
import { statsOf } from './process-stats.ts';

const typeParameters = z.object({ guid: z.string(), type: z.string() });
const indexParameters = z.object({ guid: z.string(), index: z.string() });
const typeAndIndexParameters = z.object({ guid: z.string(), type: z.string(), index: z.string() });

const filters: Filters<'processes'> = {
  guids: oneOf('processes', 'guid'),
  types: oneOf('processes', 'type'),
  app_guids: oneOf('processes', 'app_guid'),
  space_guids: (eb, values) =>
    eb('processes.app_guid', 'in', eb.selectFrom('apps').select('apps.guid').where('space_guid', 'in', values)),
  organization_guids: (eb, values) =>
    eb(
      'processes.app_guid',
      'in',
      eb
        .selectFrom('apps')
        .innerJoin('spaces', 'spaces.guid', 'apps.space_guid')
        .select('apps.guid')
        .where('spaces.organization_guid', 'in', values),
    ),
};

/** Of several processes of a type, as during a deployment, the newest is the app's. */
export function newestProcess(sql: Sql, appGuid: string, type: string): Promise<ProcessRow | undefined> {
  return sql
    .selectFrom('processes')
    .selectAll()
    .where('app_guid', '=', appGuid)
    .where('type', '=', type)
    .orderBy('id', 'desc')
    .executeTakeFirst();
}

interface FoundProcess {
  readonly process: ProcessRow;
  readonly spaceGuid: string;
}

/** An address of a process: its own, or its app's with its type. Throws 404, 403. */
export async function findProcess(
  context: ApiContext,
  access: CallerAccess,
  where: { readonly guid: string; readonly type?: string },
  action: Action = 'app.read',
): Promise<FoundProcess> {
  const { db } = context;
  if (where.type !== undefined) {
    const app = await findApp(context, access, where.guid, action);
    const process = await newestProcess(db, app.guid, where.type);
    if (process === undefined) throw notFound('Process');
    return { process, spaceGuid: app.space_guid };
  }
  const process = await db.selectFrom('processes').selectAll().where('guid', '=', where.guid).executeTakeFirst();
  const app =
    process &&
    (await db.selectFrom('apps').select('space_guid').where('guid', '=', process.app_guid).executeTakeFirst());
  if (process === undefined || app === undefined) throw notFound('Process');
  await access.requireInSpace(action, app.space_guid, 'Process');
  return { process, spaceGuid: app.space_guid };
}

export function processRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, link } = context;

  const present = async ({ process, spaceGuid }: FoundProcess): Promise<z.infer<typeof processSchema>> => {
    const metadata = await loadMetadata(db, [process.guid]);
    const image = (await detectedIn(db, [process.app_guid]))(process.app_guid);
    return presentProcess(process, { spaceGuid, image, inList: false }, metadata(process.guid), link);
  };

  const list = async (
    request: ListRequest,
    base: SelectQueryBuilder<Database, 'processes', object>,
  ): Promise<{ pagination: Pagination; resources: z.infer<typeof processSchema>[] }> => {
    const { query } = request;
    const { rows, totalResults } = await listPage('processes', base, filters, query);
    const metadata = await loadMetadata(
      db,
      rows.map((row) => row.guid),
    );
    const spaces = await spacesOf(
      db,
      rows.map((row) => row.app_guid),
    );
    const images = await detectedIn(
      db,
      rows.map((row) => row.app_guid),
    );
    const resources = rows.map((row) => {
      const extras = { spaceGuid: spaces.get(row.app_guid) ?? '', image: images(row.app_guid), inList: true };
      return presentProcess(row, extras, metadata(row.guid), link);
    });
    return listBody(request, link, query, totalResults, resources);
  };

  const scale = async (request: FastifyRequest, found: FoundProcess, body: z.infer<typeof scaleBody>) => {
    const access = accessOf(request);
    const process = await writer.write(async (unit) => {
      await requireFeature(unit.sql, 'app_scaling', access);
      await requireNotDeploying(unit, found.process, 'ScaleDisabledDuringDeployment');
      return changeProcess(unit, platform, found.process.guid, scaleChange(body));
    });
    return present({ ...found, process });
  };

  const restartInstance = async (found: FoundProcess, indexText: string): Promise<void> => {
    const index = /^\d{1,9}$/.test(indexText) ? Number(indexText) : Number.NaN;
    const { process } = found;
    if (!(index < process.instances)) throw notFound('Instance');
    const placements = context.actual()?.placementsOf(lrpGuid(process.guid, process.version)) ?? [];
    const placed = placements.find((record) => record.kind === 'placed' && record.index === index);
    // What does not run is about to be started anyway.
    if (placed?.kind === 'placed')
      await writer.write((unit) => retireInstance(unit, process, placed.instanceGuid, placed.index));
  };

  const orderBy = ['created_at', 'updated_at'];
  const listed = {
    querystring: listParameters({ filters: Object.keys(filters), orderBy }),
    response: { 200: listSchema(processSchema) },
  };
  api.get('/v3/processes', { schema: listed }, async (request) => {
    const visible = await accessOf(request).visibleApps('processes.app_guid');
    const all = db.selectFrom('processes');
    const base = visible === undefined ? all : all.where(visible);
    return list(request, base);
  });
  api.get(
    '/v3/apps/:guid/processes',
    {
      schema: {
        ...listed,
        params: guidParameters,
        querystring: listParameters({ filters: ['guids', 'types'], orderBy }),
      },
    },
    async (request) => {
      const { guid } = await findApp(context, accessOf(request), request.params.guid);
      return list(request, db.selectFrom('processes').where('processes.app_guid', '=', guid));
    },
  );

  const updateProcess = async (
    found: FoundProcess,
    body: z.infer<typeof updateBody>,
  ): Promise<z.infer<typeof processSchema>> => {
    checkMetadata(body.metadata);
    const change: ProcessChange = updateChange(body);
    const process = await writer.write(async (unit) => {
      await saveMetadata(unit.sql, 'process', found.process.guid, body.metadata);
      if (Object.keys(change).length > 0) {
        await requireNotDeploying(unit, found.process, 'ProcessUpdateDisabledDuringDeployment');
      }
      return changeProcess(unit, platform, found.process.guid, change);
    });
    return present({ ...found, process });
  };

  // Every endpoint of a process has two addresses.
  const one = { params: guidParameters };
  const ofApp = { params: typeParameters };
  const shown = { response: { 200: processSchema } };
  api.get('/v3/processes/:guid', { schema: { ...one, ...shown } }, async (request) =>
    present(await findProcess(context, accessOf(request), request.params)),
  );
  api.get('/v3/apps/:guid/processes/:type', { schema: { ...ofApp, ...shown } }, async (request) =>
    present(await findProcess(context, accessOf(request), request.params)),
  );

  api.patch('/v3/processes/:guid', { schema: { ...one, body: updateBody, ...shown } }, async (request) =>
    updateProcess(await findProcess(context, accessOf(request), request.params, 'app.operate'), request.body),
  );
  api.patch('/v3/apps/:guid/processes/:type', { schema: { ...ofApp, body: updateBody, ...shown } }, async (request) =>
    updateProcess(await findProcess(context, accessOf(request), request.params, 'app.operate'), request.body),
  );

  const scaled = { body: scaleBody, response: { 202: processSchema } };
  api.post('/v3/processes/:guid/actions/scale', { schema: { ...one, ...scaled } }, async (request, reply) => {
    const found = await findProcess(context, accessOf(request), request.params, 'app.operate');
    return reply.code(202).send(await scale(request, found, request.body));
  });
  api.post(
    '/v3/apps/:guid/processes/:type/actions/scale',
    { schema: { ...ofApp, ...scaled } },
    async (request, reply) => {
      const found = await findProcess(context, accessOf(request), request.params, 'app.operate');
      return reply.code(202).send(await scale(request, found, request.body));
    },
  );

  const counted = { response: { 200: processStatsSchema } };
  api.get('/v3/processes/:guid/stats', { schema: { ...one, ...counted } }, async (request, reply) => {
    const { process } = await findProcess(context, accessOf(request), request.params);
    return statsOf(context, process, reply);
  });
  api.get('/v3/apps/:guid/processes/:type/stats', { schema: { ...ofApp, ...counted } }, async (request, reply) => {
    const { process } = await findProcess(context, accessOf(request), request.params);
    return statsOf(context, process, reply);
  });

  api.delete(
    '/v3/processes/:guid/instances/:index',
    { schema: { params: indexParameters, response: emptyResponse } },
    async (request, reply) => {
      const { guid, index } = request.params;
      await restartInstance(await findProcess(context, accessOf(request), { guid }, 'app.operate'), index);
      return reply.code(204).send();
    },
  );
  api.delete(
    '/v3/apps/:guid/processes/:type/instances/:index',
    { schema: { params: typeAndIndexParameters, response: emptyResponse } },
    async (request, reply) => {
      const { guid, type, index } = request.params;
      await restartInstance(await findProcess(context, accessOf(request), { guid, type }, 'app.operate'), index);
      return reply.code(204).send();
    },
  );
}

/** A deployment itself sets what its web processes have. */
async function requireNotDeploying(unit: UnitOfWork, process: ProcessRow, error: ErrorName): Promise<void> {
  if (process.type === 'web') await requireNoDeployment(unit, process.app_guid, error);
}

async function spacesOf(sql: Sql, appGuids: readonly string[]): Promise<Map<string, string>> {
  if (appGuids.length === 0) return new Map();
  const rows = await sql.selectFrom('apps').select(['guid', 'space_guid']).where('guid', 'in', appGuids).execute();
  return new Map(rows.map((row) => [row.guid, row.space_guid]));
}
