import type { SelectQueryBuilder } from 'kysely';
import { z } from 'zod';
import { updateMetadataOfApp } from '../actions/metadata.ts';
import { cancelTask, createTask } from '../actions/tasks.ts';
import { type Filters, listPage, oneOf } from '../adapters/sql/list-page.ts';
import { loadMetadata } from '../adapters/sql/metadata-entries.ts';
import type { Database, TaskRow } from '../adapters/sql/schema.ts';
import type { Action } from '../domain/access/decide-access.ts';
import type { Pagination } from '../domain/lists/pagination.ts';
import { purposes } from '../domain/secrets/purposes.ts';
import { notFound, unprocessable } from '../errors.ts';
import { listSchema } from '../resources/shapes.ts';
import { presentTask, taskSchema } from '../resources/task.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { findApp } from './apps.ts';
import { accessOf } from './authentication.ts';
import { checkMetadata, guidParameters, metadataBody } from './bodies.ts';
import { type ListRequest, listBody, listParameters } from './lists.ts';

type Task = z.infer<typeof taskSchema>;

const filters: Filters<'tasks'> = {
  guids: oneOf('tasks', 'guid'),
  names: oneOf('tasks', 'name'),
  states: oneOf('tasks', 'state'),
};
const ofOneApp: Filters<'tasks'> = {
  ...filters,
  /** Compared as text: what is no number is no sequence id. */
  sequence_ids: (eb, values) =>
    eb(
      'tasks.sequence_id',
      'in',
      values.map((value) => (/^\d{1,9}$/.test(value) ? Number(value) : -1)),
    ),
};
const ofAllApps: Filters<'tasks'> = {
  ...filters,
  app_guids: oneOf('tasks', 'app_guid'),
  space_guids: (eb, values) =>
    eb('tasks.app_guid', 'in', eb.selectFrom('apps').select('apps.guid').where('apps.space_guid', 'in', values)),
  organization_guids: (eb, values) =>
    eb(
      'tasks.app_guid',
      'in',
      eb
        .selectFrom('apps')
        .innerJoin('spaces', 'spaces.guid', 'apps.space_guid')
        .select('apps.guid')
        .where('spaces.organization_guid', 'in', values),
    ),
};
const orderBy = ['created_at', 'updated_at'];

const size = z.int().positive().max(2_147_483_647).nullable().optional();
const creation = z
  .strictObject({
    name: z.string().optional(),
    command: z.string().nullable().optional(),
    user: z.string().min(1).max(255).nullable().optional(),
    memory_in_mb: size,
    disk_in_mb: size,
    log_rate_limit_in_bytes_per_second: z.int().min(-1).nullable().optional(),
    droplet_guid: z.string().min(1).nullable().optional(),
    template: z.strictObject({ process: z.strictObject({ guid: z.string().min(1) }) }).optional(),
    metadata: metadataBody.optional(),
  })
  .meta({ id: 'TaskCreation' });
const update = z.strictObject({ metadata: metadataBody.optional() }).meta({ id: 'TaskUpdate' });

/** Throws 404, 403. */
async function findTask(
  { db }: ApiContext,
  access: CallerAccess,
  guid: string,
  action: Action = 'app.read',
): Promise<TaskRow & { readonly space_guid: string }> {
  const row = await db
    .selectFrom('tasks')
    .innerJoin('apps', 'apps.guid', 'tasks.app_guid')
    .selectAll('tasks')
    .select('apps.space_guid')
    .where('tasks.guid', '=', guid)
    .executeTakeFirst();
  if (row === undefined) throw notFound('Task');
  await access.requireInSpace(action, row.space_guid, 'Task');
  return row;
}

/** Commands that run once in a container of the app's (API v3, "Tasks"). */
export function taskRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, link } = context;

  const presentAll = async (rows: readonly TaskRow[], withCommand: boolean): Promise<Task[]> => {
    const guids = rows.map((row) => row.guid);
    const metadata = await loadMetadata(db, guids);
    return rows.map((row) => {
      const command = withCommand ? platform.vault.decrypt(row.command, purposes.taskCommand(row.guid)) : undefined;
      return presentTask(row, command, metadata(row.guid), link);
    });
  };
  const present = async (row: TaskRow, spaceGuid: string, access: CallerAccess): Promise<Task> => {
    const readsSecrets = (await access.inSpace('app.readEnvironment', spaceGuid)) === 'allowed';
    const [presented] = await presentAll([row], readsSecrets);
    if (presented === undefined) throw notFound('Task');
    return presented;
  };
  const list = async (
    request: ListRequest,
    base: SelectQueryBuilder<Database, 'tasks', object>,
    understood: Filters<'tasks'>,
    withCommand: boolean,
  ): Promise<{ pagination: Pagination; resources: Task[] }> => {
    const { query } = request;
    const { rows, totalResults } = await listPage('tasks', base, understood, query);
    return listBody(request, link, query, totalResults, await presentAll(rows, withCommand));
  };

  api.get(
    '/v3/tasks',
    {
      schema: {
        querystring: listParameters({ filters: Object.keys(ofAllApps), orderBy }),
        response: { 200: listSchema(taskSchema) },
      },
    },
    async (request) => {
      const visible = await accessOf(request).visibleApps('tasks.app_guid');
      const all = db.selectFrom('tasks');
      const base = visible === undefined ? all : all.where(visible);
      return list(request, base, ofAllApps, false);
    },
  );

  api.get(
    '/v3/apps/:guid/tasks',
    {
      schema: {
        params: guidParameters,
        querystring: listParameters({ filters: Object.keys(ofOneApp), orderBy }),
        response: { 200: listSchema(taskSchema) },
      },
    },
    async (request) => {
      const access = accessOf(request);
      const app = await findApp(context, access, request.params.guid);
      const readsSecrets = (await access.inSpace('app.readEnvironment', app.space_guid)) === 'allowed';
      return list(request, db.selectFrom('tasks').where('tasks.app_guid', '=', app.guid), ofOneApp, readsSecrets);
    },
  );

  api.post(
    '/v3/apps/:guid/tasks',
    { schema: { params: guidParameters, body: creation, response: { 202: taskSchema } } },
    async (request, reply) => {
      const { body } = request;
      const access = accessOf(request);
      checkMetadata(body.metadata);
      const command = body.command ?? undefined;
      if (command === undefined && body.template === undefined) {
        throw unprocessable('Command No command or template provided');
      }
      const app = await findApp(context, access, request.params.guid, 'app.write');
      const asked = {
        name: body.name,
        command,
        user: body.user,
        memoryMb: body.memory_in_mb ?? undefined,
        diskMb: body.disk_in_mb ?? undefined,
        logRateBytesPerSecond: body.log_rate_limit_in_bytes_per_second ?? undefined,
        dropletGuid: body.droplet_guid ?? undefined,
        templateProcessGuid: body.template?.process.guid,
        metadata: body.metadata,
      };
      const row = await writer.write((unit) => createTask(unit, platform, app.guid, asked, access));
      return reply.code(202).send(await present(row, app.space_guid, access));
    },
  );

  const shown = { params: guidParameters, response: { 200: taskSchema } };
  api.get('/v3/tasks/:guid', { schema: shown }, async (request) => {
    const access = accessOf(request);
    const row = await findTask(context, access, request.params.guid);
    return present(row, row.space_guid, access);
  });

  api.patch('/v3/tasks/:guid', { schema: { ...shown, body: update } }, async (request) => {
    const { metadata } = request.body;
    checkMetadata(metadata);
    const access = accessOf(request);
    const row = await findTask(context, access, request.params.guid, 'app.write');
    await writer.write((unit) => updateMetadataOfApp(unit, 'task', row, metadata));
    return present(row, row.space_guid, access);
  });

  // The second is what the cf CLI sends.
  for (const [method, url] of [
    ['POST', '/v3/tasks/:guid/actions/cancel'],
    ['PUT', '/v3/tasks/:guid/cancel'],
  ] as const) {
    api.route({
      method,
      url,
      schema: { params: guidParameters, response: { 202: taskSchema } },
      handler: async (request, reply) => {
        const access = accessOf(request);
        const found = await findTask(context, access, request.params.guid, 'app.operate');
        const row = await writer.write((unit) => cancelTask(unit, found.guid));
        return reply.code(202).send(await present(row, found.space_guid, access));
      },
    });
  }
}
