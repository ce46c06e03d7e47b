import { type SelectQueryBuilder, type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import {
  type CredentialsPlace,
  createRegistryCredentials,
  deleteRegistryCredentials,
  updateRegistryCredentials,
  verifyRegistryCredentials,
} from '../actions/registry-credentials.ts';
import { type Filters, listPage, oneOf, oneOfNames } from '../adapters/sql/list-page.ts';
import { loadMetadata } from '../adapters/sql/metadata-entries.ts';
import type { Database, JobRow, RegistryCredentialsRow } from '../adapters/sql/schema.ts';
import { parseCredentialScope } from '../domain/registry-credentials/credential-scope.ts';
import { ApiError, notFound, unprocessable } from '../errors.ts';
import { presentRegistryCredentials, registryCredentialsSchema } from '../resources/registry-credentials.ts';
import { listSchema } from '../resources/shapes.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { checkMetadata, guidParameters, metadataBody, nameBody, toOneBody } from './bodies.ts';
import { listBody, listParameters } from './lists.ts';
import { bodyNotes, emptyResponse } from './openapi/answers.ts';
import { spaceOfBody } from './spaces.ts';

/** As of packages: room for the keys of service accounts, which are JSON. */
const MAX_PASSWORD = 5000;

const username = z
  .string()
  .min(1)
  .max(255)
  // RFC 7617: the first colon ends the user name.
  .regex(/^[^:\p{Cc}]*$/u, 'must not contain ":" or control characters');
const password = z.string().min(1).max(MAX_PASSWORD).meta({ writeOnly: true });

const createBody = z.strictObject({
  name: nameBody,
  registry: z.string().max(300),
  repository_prefix: z.string().max(255).nullable().optional(),
  username,
  password,
  relationships: z.strictObject({ organization: toOneBody.optional(), space: toOneBody.optional() }),
  metadata: metadataBody.optional(),
});
const updateBody = z.strictObject({
  name: nameBody.optional(),
  username: username.optional(),
  password: password.optional(),
  metadata: metadataBody.optional(),
});
const forceParameter = z.strictObject({
  force: z
    .enum(['true', 'false'])
    .optional()
    .meta({ description: 'Use the user name and password at once, whatever the registry says of them.' }),
});
/** As well as in the job, what is verified is in the answer: it names what the job is about. */
const startedResponse = {
  202: registryCredentialsSchema
    .extend({})
    .meta({ id: 'RegistryCredentialsInVerification' })
    .register(bodyNotes, {
      description: 'The registry is asked; the job ends with its answer.',
      headers: { Location: 'Absolute address of the job.' },
    }),
} as const;

const filters: Filters<'registry_credentials'> = {
  names: oneOfNames('registry_credentials', 'name'),
  guids: oneOf('registry_credentials', 'guid'),
  registries: oneOfNames('registry_credentials', 'registry'),
  verification_states: oneOf('registry_credentials', 'verification_state'),
  organization_guids: oneOf('registry_credentials', 'organization_guid'),
  space_guids: oneOf('registry_credentials', 'space_guid'),
};

function visibleCredentials(
  { db }: ApiContext,
  access: CallerAccess,
): SelectQueryBuilder<Database, 'registry_credentials', object> {
  const all = db.selectFrom('registry_credentials');
  const inSpaces = access.visibleSpaces('registry_credentials.space_guid', 'registryCredentials.readInSpace');
  const inOrganizations = access.visibleOrganizations(
    'registry_credentials.organization_guid',
    'registryCredentials.readInOrganization',
  );
  if (inSpaces === undefined || inOrganizations === undefined) return all;
  return all.where(sql<SqlBool>`(${inSpaces} or ${inOrganizations})`);
}

/** Throws 404, 403. */
async function findCredentials(
  { db }: ApiContext,
  access: CallerAccess,
  guid: string,
  effect: 'read' | 'write',
): Promise<RegistryCredentialsRow> {
  const what = 'Registry credentials';
  const row = await db.selectFrom('registry_credentials').selectAll().where('guid', '=', guid).executeTakeFirst();
  if (row === undefined) throw notFound(what);
  if (row.space_guid !== null) {
    await access.requireInSpace(`registryCredentials.${effect}InSpace`, row.space_guid, what);
  } else {
    await access.requireInOrganization(
      `registryCredentials.${effect}InOrganization`,
      row.organization_guid ?? '',
      what,
    );
  }
  return row;
}

/** Throws 422 where a path would give 404, and 403. */
async function placeOf(
  context: ApiContext,
  access: CallerAccess,
  relationships: z.infer<typeof createBody>['relationships'],
): Promise<CredentialsPlace> {
  const { space, organization } = relationships;
  if ((space === undefined) === (organization === undefined)) {
    throw unprocessable('Relationships must name either a space or an organization');
  }
  if (space !== undefined) {
    const { guid } = await spaceOfBody(context, access, space.data.guid, 'registryCredentials.writeInSpace');
    return { spaceGuid: guid };
  }
  const guid = organization?.data.guid ?? '';
  const row = await context.db.selectFrom('organizations').select('guid').where('guid', '=', guid).executeTakeFirst();
  const decision =
    row === undefined ? 'hidden' : await access.inOrganization('registryCredentials.writeInOrganization', guid);
  if (decision === 'hidden') {
    throw unprocessable('Invalid organization. Ensure the organization exists and you have access to it.');
  }
  if (decision === 'forbidden') throw new ApiError('NotAuthorized');
  return { organizationGuid: guid };
}

/** User names and passwords for registries, for the images of a space or an organization. Slipway's own. */
export function registryCredentialsRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, link } = context;
  type Shown = z.infer<typeof registryCredentialsSchema>;
  const present = async (rows: readonly RegistryCredentialsRow[]): Promise<Shown[]> => {
    const metadata = await loadMetadata(
      db,
      rows.map(({ guid }) => guid),
    );
    return rows.map((row) => presentRegistryCredentials(row, metadata(row.guid), link));
  };
  const presentOne = async (row: RegistryCredentialsRow): Promise<Shown> => {
    const metadata = await loadMetadata(db, [row.guid]);
    return presentRegistryCredentials(row, metadata(row.guid), link);
  };
  const locationOf = (job: JobRow): string => link(`/v3/jobs/${job.guid}`).href;

  const orderBy = ['created_at', 'updated_at', 'name'];
  api.get(
    '/v3/registry_credentials',
    {
      schema: {
        querystring: listParameters({ filters: Object.keys(filters), orderBy }),
        response: { 200: listSchema(registryCredentialsSchema) },
      },
    },
    async (request) => {
      const { query } = request;
      const base = visibleCredentials(context, accessOf(request));
      const { rows, totalResults } = await listPage('registry_credentials', base, filters, query);
      return listBody(request, link, query, totalResults, await present(rows));
    },
  );

  api.post(
    '/v3/registry_credentials',
    { schema: { body: createBody, querystring: forceParameter, response: startedResponse } },
    async (request, reply) => {
      const { name, registry, repository_prefix: prefix, relationships, metadata, ...login } = request.body;
      checkMetadata(metadata);
      const parsed = parseCredentialScope(registry, prefix ?? '');
      if (parsed.outcome === 'rejected') throw unprocessable(parsed.problem);
      const place = await placeOf(context, accessOf(request), relationships);
      const force = request.query.force === 'true';
      const spec = { name, place, scope: parsed.scope, login, force, metadata };
      const { row, job } = await writer.write((unit) => createRegistryCredentials(unit, platform, spec));
      return reply
        .code(202)
        .header('location', locationOf(job))
        .send(await presentOne(row));
    },
  );

  api.get(
    '/v3/registry_credentials/:guid',
    { schema: { params: guidParameters, response: { 200: registryCredentialsSchema } } },
    async (request) => presentOne(await findCredentials(context, accessOf(request), request.params.guid, 'read')),
  );

  api.patch(
    '/v3/registry_credentials/:guid',
    {
      schema: {
        params: guidParameters,
        querystring: forceParameter,
        body: updateBody,
        response: { 200: registryCredentialsSchema, ...startedResponse },
      },
    },
    async (request, reply) => {
      const { name, username: newUsername, password: newPassword, metadata } = request.body;
      checkMetadata(metadata);
      if (newUsername !== undefined && newPassword === undefined) {
        throw unprocessable('Username cannot change without a password: give both');
      }
      const { guid } = await findCredentials(context, accessOf(request), request.params.guid, 'write');
      const login = newPassword === undefined ? undefined : { username: newUsername, password: newPassword };
      const change = { name, login, force: request.query.force === 'true', metadata };
      const { row, job } = await writer.write((unit) => updateRegistryCredentials(unit, platform, guid, change));
      const body = await presentOne(row);
      return job === undefined ? body : reply.code(202).header('location', locationOf(job)).send(body);
    },
  );

  api.post(
    '/v3/registry_credentials/:guid/actions/verify',
    { schema: { params: guidParameters, response: startedResponse } },
    async (request, reply) => {
      const { guid } = await findCredentials(context, accessOf(request), request.params.guid, 'write');
      const { row, job } = await writer.write((unit) => verifyRegistryCredentials(unit, platform, guid));
      return reply
        .code(202)
        .header('location', locationOf(job))
        .send(await presentOne(row));
    },
  );

  api.delete(
    '/v3/registry_credentials/:guid',
    { schema: { params: guidParameters, response: emptyResponse } },
    async (request, reply) => {
      const { guid } = await findCredentials(context, accessOf(request), request.params.guid, 'write');
      await writer.write((unit) => deleteRegistryCredentials(unit, guid));
      return reply.code(204).send();
    },
  );
}
