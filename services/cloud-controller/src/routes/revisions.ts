import type { SelectQueryBuilder } from 'kysely';
import { z } from 'zod';
import { auditAppOf } from '../actions/audit.ts';
import { updateMetadataOfApp } from '../actions/metadata.ts';
import { revisionEnvironment } from '../actions/revisions.ts';
import { type Filters, listPage } from '../adapters/sql/list-page.ts';
import { loadMetadata } from '../adapters/sql/metadata-entries.ts';
import type { Database, RevisionRow } from '../adapters/sql/schema.ts';
import type { Action } from '../domain/access/decide-access.ts';
import type { Pagination } from '../domain/lists/pagination.ts';
import { notFound } from '../errors.ts';
import { presentRevision, revisionSchema } from '../resources/revision.ts';
import { linkSchema, listSchema } from '../resources/shapes.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { findApp } from './apps.ts';
import { accessOf } from './authentication.ts';
import { checkMetadata, guidParameters, metadataBody } from './bodies.ts';
import { type ListRequest, listBody, listParameters } from './lists.ts';

const filters: Filters<'revisions'> = {
  /** Compared as text: what is no number is no version. */
  versions: (eb, values) =>
    eb(
      'revisions.version',
      'in',
      values.map((value) => (/^\d{1,9}$/.test(value) ? Number(value) : -1)),
    ),
};

const variablesSchema = z.object({
  var: z.record(z.string(), z.string()),
  links: z.object({ self: linkSchema, revision: linkSchema, app: linkSchema }),
});

/** Throws 404, 403. */
async function findRevision(
  { db }: ApiContext,
  access: CallerAccess,
  guid: string,
  action: Action = 'app.read',
): Promise<RevisionRow> {
  const row = await db
    .selectFrom('revisions')
    .innerJoin('apps', 'apps.guid', 'revisions.app_guid')
    .selectAll('revisions')
    .select('apps.space_guid')
    .where('revisions.guid', '=', guid)
    .executeTakeFirst();
  if (row === undefined) throw notFound('Revision');
  const { space_guid: spaceGuid, ...found } = row;
  await access.requireInSpace(action, spaceGuid, 'Revision');
  return found;
}

/** What apps ran, to look at and to go back to (API v3, "Revisions"). */
export function revisionRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, link } = context;

  const presentAll = async (rows: readonly RevisionRow[]): Promise<z.infer<typeof revisionSchema>[]> => {
    if (rows.length === 0) return [];
    const metadata = await loadMetadata(
      db,
      rows.map((row) => row.guid),
    );
    const droplets = await db
      .selectFrom('droplets')
      .select('guid')
      .where(
        'guid',
        'in',
        rows.map((row) => row.droplet_guid),
      )
      .execute();
    const there = new Set(droplets.map(({ guid }) => guid));
    return rows.map((row) => presentRevision(row, there.has(row.droplet_guid), metadata(row.guid), link));
  };
  const present = async (row: RevisionRow): Promise<z.infer<typeof revisionSchema>> => {
    const [presented] = await presentAll([row]);
    if (presented === undefined) throw notFound('Revision');
    return presented;
  };

  const list = async (
    request: ListRequest,
    base: SelectQueryBuilder<Database, 'revisions', object>,
  ): Promise<{ pagination: Pagination; resources: z.infer<typeof revisionSchema>[] }> => {
    const { query } = request;
    const { rows, totalResults } = await listPage('revisions', base, filters, query);
    return listBody(request, link, query, totalResults, await presentAll(rows));
  };
  const listed = {
    params: guidParameters,
    querystring: listParameters({ filters: Object.keys(filters), orderBy: ['created_at', 'updated_at'] }),
    response: { 200: listSchema(revisionSchema) },
  };

  api.get('/v3/apps/:guid/revisions', { schema: listed }, async (request) => {
    const { guid } = await findApp(context, accessOf(request), request.params.guid);
    return list(request, db.selectFrom('revisions').where('revisions.app_guid', '=', guid));
  });

  api.get('/v3/apps/:guid/revisions/deployed', { schema: listed }, async (request) => {
    const { guid } = await findApp(context, accessOf(request), request.params.guid);
    const running = db
      .selectFrom('run_infos')
      .innerJoin('processes', 'processes.guid', 'run_infos.process_guid')
      .select('processes.revision_guid')
      .where('processes.app_guid', '=', guid)
      .where('processes.revision_guid', 'is not', null)
      .$narrowType<{ revision_guid: string }>();
    return list(request, db.selectFrom('revisions').where('revisions.guid', 'in', running));
  });

  const shown = { response: { 200: revisionSchema } };
  api.get('/v3/revisions/:guid', { schema: { params: guidParameters, ...shown } }, async (request) =>
    present(await findRevision(context, accessOf(request), request.params.guid)),
  );

  api.patch(
    '/v3/revisions/:guid',
    { schema: { params: guidParameters, body: z.strictObject({ metadata: metadataBody.optional() }), ...shown } },
    async (request) => {
      const { metadata } = request.body;
      checkMetadata(metadata);
      const row = await findRevision(context, accessOf(request), request.params.guid, 'app.write');
      await writer.write((unit) => updateMetadataOfApp(unit, 'revision', row, metadata));
      return present(row);
    },
  );

  api.get(
    '/v3/revisions/:guid/environment_variables',
    { schema: { params: guidParameters, response: { 200: variablesSchema } } },
    async (request) => {
      const row = await findRevision(context, accessOf(request), request.params.guid, 'app.readEnvironment');
      const read = { revision_guid: row.guid, revision_version: row.version };
      await writer.write((unit) => auditAppOf(unit, row.app_guid, 'revision.environment_variables.show', read));
      const self = `/v3/revisions/${row.guid}`;
      return {
        var: revisionEnvironment(platform, row),
        links: {
          self: link(`${self}/environment_variables`),
          revision: link(self),
          app: link(`/v3/apps/${row.app_guid}`),
        },
      };
    },
  );
}
