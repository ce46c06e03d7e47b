import type { Expression, SqlBool } from 'kysely';
import { z } from 'zod';
import { createApp, restartApp, startApp, stopApp, updateApp } from '../actions/apps.ts';
import { deleteApp } from '../actions/delete-apps.ts';
import { recordJob } from '../actions/jobs.ts';
import { type Filters, listPage, oneOf, oneOfNames } from '../adapters/sql/list-page.ts';
import { loadMetadata } from '../adapters/sql/metadata-entries.ts';
import type { AppRow } from '../adapters/sql/schema.ts';
import type { Action } from '../domain/access/decide-access.ts';
import { environmentProblems } from '../domain/names/environment-names.ts';
import { notFound, unprocessable } from '../errors.ts';
import { appSchema, presentApp } from '../resources/app.ts';
import { listSchema } from '../resources/shapes.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { checkMetadata, guidParameters, metadataBody, nameBody, toOneBody, variablesBody } from './bodies.ts';
import { includedTenancy, includedTenancySchema, spaceIncludes } from './included-tenancy.ts';
import { jobAccepted } from './jobs.ts';
import { lifecycleBody } from './lifecycle-body.ts';
import { includeParameter, listBody, listParameters } from './lists.ts';
import { jobResponse } from './openapi/answers.ts';
import { spaceOfBody } from './spaces.ts';

const createBody = z.strictObject({
  name: nameBody,
  lifecycle: lifecycleBody.optional(),
  relationships: z.strictObject({ space: toOneBody }),
  environment_variables: variablesBody.optional(),
  metadata: metadataBody.optional(),
});

const updateBody = z.strictObject({
  name: nameBody.optional(),
  lifecycle: lifecycleBody.optional(),
  metadata: metadataBody.optional(),
});

const filters: Filters<'apps'> = {
  names: oneOfNames('apps', 'name'),
  guids: oneOf('apps', 'guid'),
  space_guids: oneOf('apps', 'space_guid'),
  lifecycle_type: oneOf('apps', 'lifecycle_type'),
  organization_guids: oneOf('apps', 'organization_guid'),
};

/** Throws 404, 403. */
export async function findApp(
  { db }: ApiContext,
  access: CallerAccess,
  guid: string,
  action: Action = 'app.read',
): Promise<AppRow> {
  const row = await db.selectFrom('apps').selectAll().where('guid', '=', guid).executeTakeFirst();
  if (row === undefined) throw notFound('App');
  await access.requireInSpace(action, row.space_guid, 'App');
  return row;
}

export function appRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, link } = context;
  const present = async (row: AppRow): Promise<z.infer<typeof appSchema>> =>
    presentApp(row, (await loadMetadata(db, [row.guid]))(row.guid), link);

  const listed = listSchema(appSchema).extend({ included: includedTenancySchema.optional() });
  const orderBy = ['created_at', 'updated_at', 'name'];
  const querystring = listParameters({ filters: Object.keys(filters), orderBy, include: spaceIncludes });
  api.get('/v3/apps', { schema: { querystring, response: { 200: listed } } }, async (request) => {
    const { query } = request;
    const visible = await accessOf(request).visibleSpacesOfMany('apps.space_guid');
    const base = db.selectFrom('apps').$if(visible !== undefined, (qb) => qb.where(visible as Expression<SqlBool>));
    const { rows, totalResults } = await listPage('apps', base, filters, query);
    const metadata = await loadMetadata(
      db,
      rows.map((row) => row.guid),
    );
    const resources = rows.map((row) => presentApp(row, metadata(row.guid), link));
    const body = listBody(request, link, query, totalResults, resources);
    const spaces = rows.map((row) => row.space_guid);
    const included = await includedTenancy(context, query.include, spaces);
    return included === undefined ? body : { ...body, included };
  });

  api.post('/v3/apps', { schema: { body: createBody, response: { 201: appSchema } } }, async (request, reply) => {
    const access = accessOf(request);
    const { name, relationships, metadata } = request.body;
    checkMetadata(metadata);
    const space = await spaceOfBody(context, access, relationships.space.data.guid, 'app.write');
    const environment = withoutNulls(request.body.environment_variables ?? {});
    const problems = environmentProblems(environment);
    if (problems.length > 0) throw unprocessable(...problems);
    const spec = { name, spaceGuid: space.guid, environment, metadata };
    const row = await writer.write((unit) => createApp(unit, platform, access, spec));
    return reply.code(201).send(await present(row));
  });

  const shown = appSchema.extend({ included: includedTenancySchema.optional() });
  const showing = { params: guidParameters, querystring: includeParameter(spaceIncludes) };
  api.get('/v3/apps/:guid', { schema: { ...showing, response: { 200: shown } } }, async (request) => {
    const row = await findApp(context, accessOf(request), request.params.guid);
    const included = await includedTenancy(context, request.query.include, [row.space_guid]);
    return { ...(await present(row)), ...(included === undefined ? {} : { included }) };
  });

  api.patch(
    '/v3/apps/:guid',
    { schema: { params: guidParameters, body: updateBody, response: { 200: appSchema } } },
    async (request) => {
      const { name, metadata } = request.body;
      checkMetadata(metadata);
      const { guid } = await findApp(context, accessOf(request), request.params.guid, 'app.write');
      return present(await writer.write((unit) => updateApp(unit, guid, { name, metadata })));
    },
  );

  api.delete(
    '/v3/apps/:guid',
    { schema: { params: guidParameters, response: jobResponse } },
    async (request, reply) => {
      const { guid } = await findApp(context, accessOf(request), request.params.guid, 'app.write');
      const job = await writer.write(async (unit) => {
        await deleteApp(unit, guid);
        return recordJob(unit, platform, 'app.delete');
      });
      return jobAccepted(reply, link, job);
    },
  );

  const actionSchema = { params: guidParameters, response: { 200: appSchema } };
  api.post('/v3/apps/:guid/actions/start', { schema: actionSchema }, async (request) => {
    const access = accessOf(request);
    const { guid } = await findApp(context, access, request.params.guid, 'app.operate');
    return present(await writer.write((unit) => startApp(unit, platform, access, guid)));
  });
  api.post('/v3/apps/:guid/actions/stop', { schema: actionSchema }, async (request) => {
    const { guid } = await findApp(context, accessOf(request), request.params.guid, 'app.operate');
    return present(await writer.write((unit) => stopApp(unit, guid)));
  });
  api.post('/v3/apps/:guid/actions/restart', { schema: actionSchema }, async (request) => {
    const access = accessOf(request);
    const { guid } = await findApp(context, access, request.params.guid, 'app.operate');
    return present(await writer.write((unit) => restartApp(unit, platform, access, guid)));
  });
}

function withoutNulls(variables: Readonly<Record<string, string | null>>): Record<string, string> {
  const entries = Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== null);
  return Object.fromEntries(entries);
}
