import type { Expression, SqlBool } from 'kysely';
import { z } from 'zod';
import { recordJob } from '../actions/jobs.ts';
import { createSpace, deleteSpace, updateSpace } from '../actions/tenancy.ts';
import { type Filters, listPage, oneOf, oneOfNames } from '../adapters/sql/list-page.ts';
import { loadMetadata } from '../adapters/sql/metadata-entries.ts';
import type { SpaceRow } from '../adapters/sql/schema.ts';
import type { Action } from '../domain/access/decide-access.ts';
import { ApiError, notFound, unprocessable } from '../errors.ts';
import { organizationSchema } from '../resources/organization.ts';
import { listSchema } from '../resources/shapes.ts';
import { presentSpace, spaceSchema } from '../resources/space.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { checkMetadata, guidParameters, metadataBody, nameBody, toOneBody } from './bodies.ts';
import { jobAccepted } from './jobs.ts';
import { includeParameter, listBody, listParameters } from './lists.ts';
import { jobResponse } from './openapi/answers.ts';
import { presentOrganizations } from './organizations.ts';

const createBody = z.strictObject({
  name: nameBody,
  relationships: z.strictObject({ organization: toOneBody }),
  metadata: metadataBody.optional(),
});

const updateBody = z.strictObject({ name: nameBody.optional(), metadata: metadataBody.optional() });

const including = ['organization', 'org'];
const includedSchema = z.object({ organizations: z.array(organizationSchema).optional() });

const filters: Filters<'spaces'> = {
  names: oneOfNames('spaces', 'name'),
  guids: oneOf('spaces', 'guid'),
  organization_guids: oneOf('spaces', 'organization_guid'),
};

/** Throws 404, 403. */
export async function findSpace(
  { db }: ApiContext,
  access: CallerAccess,
  guid: string,
  action: Action = 'space.read',
): Promise<SpaceRow> {
  const row = await db.selectFrom('spaces').selectAll().where('guid', '=', guid).executeTakeFirst();
  if (row === undefined) throw notFound('Space');
  await access.requireInSpace(action, guid, 'Space');
  return row;
}

/** The space that a body names. Throws 422 where a path would give 404, and 403. */
export async function spaceOfBody(
  { db }: ApiContext,
  access: CallerAccess,
  guid: string,
  action: Action,
): Promise<SpaceRow> {
  const row = await db.selectFrom('spaces').selectAll().where('guid', '=', guid).executeTakeFirst();
  const decision = row === undefined ? 'hidden' : await access.inSpace(action, guid);
  if (row === undefined || decision === 'hidden') {
    throw unprocessable('Invalid space. Ensure that the space exists and you have access to it.');
  }
  if (decision === 'forbidden') throw new ApiError('NotAuthorized');
  return row;
}

/** The same where Cloud Foundry does not hide spaces: 403 for one that the caller may not see, too. */
export async function spaceOfBodyToChange(
  { db }: ApiContext,
  access: CallerAccess,
  guid: string,
  action: Action,
): Promise<SpaceRow> {
  const row = await db.selectFrom('spaces').selectAll().where('guid', '=', guid).executeTakeFirst();
  if (row === undefined) {
    throw unprocessable('Invalid space. Ensure that the space exists and you have access to it.');
  }
  if ((await access.inSpace(action, guid)) !== 'allowed') throw new ApiError('NotAuthorized');
  return row;
}

export async function presentSpaces(
  { db, link }: ApiContext,
  rows: readonly SpaceRow[],
): Promise<z.infer<typeof spaceSchema>[]> {
  const metadata = await loadMetadata(
    db,
    rows.map((row) => row.guid),
  );
  return rows.map((row) => presentSpace(row, metadata(row.guid), link));
}

export function spaceRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, link } = context;
  const present = async (row: SpaceRow): Promise<z.infer<typeof spaceSchema>> =>
    presentSpace(row, (await loadMetadata(db, [row.guid]))(row.guid), link);

  const included = async (
    names: ReadonlySet<string>,
    rows: readonly SpaceRow[],
  ): Promise<{ readonly included?: z.infer<typeof includedSchema> }> => {
    if (names.size === 0) return {};
    const guids = [...new Set(rows.map((row) => row.organization_guid))];
    const query = db.selectFrom('organizations').selectAll().where('guid', 'in', guids).orderBy('id');
    return {
      included: { organizations: await presentOrganizations(context, guids.length === 0 ? [] : await query.execute()) },
    };
  };

  const listed = listSchema(spaceSchema).extend({ included: includedSchema.optional() });
  const orderBy = ['created_at', 'updated_at', 'name'];
  const querystring = listParameters({ filters: Object.keys(filters), orderBy, include: including });
  api.get('/v3/spaces', { schema: { querystring, response: { 200: listed } } }, async (request) => {
    const { query } = request;
    const visible = accessOf(request).visibleSpaces('spaces.guid');
    const base = db.selectFrom('spaces').$if(visible !== undefined, (qb) => qb.where(visible as Expression<SqlBool>));
    const { rows, totalResults } = await listPage('spaces', base, filters, query);
    const body = listBody(request, link, query, totalResults, await presentSpaces(context, rows));
    return { ...body, ...(await included(query.include, rows)) };
  });

  api.post('/v3/spaces', { schema: { body: createBody, response: { 201: spaceSchema } } }, async (request, reply) => {
    const { name, relationships, metadata } = request.body;
    checkMetadata(metadata);
    const organizationGuid = relationships.organization.data.guid;
    const organization = await db
      .selectFrom('organizations')
      .select('guid')
      .where('guid', '=', organizationGuid)
      .executeTakeFirst();
    const decision =
      organization === undefined ? 'hidden' : await accessOf(request).inOrganization('space.create', organizationGuid);
    if (decision === 'hidden') {
      throw unprocessable('Invalid organization. Ensure the organization exists and you have access to it.');
    }
    if (decision === 'forbidden') throw new ApiError('NotAuthorized');
    const row = await writer.write((unit) => createSpace(unit, platform, { name, organizationGuid, metadata }));
    return reply.code(201).send(await present(row));
  });

  const shown = spaceSchema.extend({ included: includedSchema.optional() });
  const showing = { params: guidParameters, querystring: includeParameter(including) };
  api.get('/v3/spaces/:guid', { schema: { ...showing, response: { 200: shown } } }, async (request) => {
    const row = await findSpace(context, accessOf(request), request.params.guid);
    return { ...(await present(row)), ...(await included(request.query.include, [row])) };
  });

  api.patch(
    '/v3/spaces/:guid',
    { schema: { params: guidParameters, body: updateBody, response: { 200: spaceSchema } } },
    async (request) => {
      const { name, metadata } = request.body;
      checkMetadata(metadata);
      const before = await findSpace(context, accessOf(request), request.params.guid, 'space.update');
      return present(await writer.write((unit) => updateSpace(unit, before, { name, metadata })));
    },
  );

  api.delete(
    '/v3/spaces/:guid',
    { schema: { params: guidParameters, response: jobResponse } },
    async (request, reply) => {
      const { guid } = await findSpace(context, accessOf(request), request.params.guid, 'space.delete');
      const job = await writer.write(async (unit) => {
        await deleteSpace(unit, platform, guid);
        return recordJob(unit, platform, 'space.delete');
      });
      return jobAccepted(reply, link, job);
    },
  );
}
