import { z } from 'zod';
import { createDeployment } from '../actions/deployments.ts';
import { updateMetadataOfApp } from '../actions/metadata.ts';
import { cancelDeployment, continueDeployment } from '../actions/steer-deployments.ts';
import { type Filters, listPage, oneOf } from '../adapters/sql/list-page.ts';
import { loadMetadata } from '../adapters/sql/metadata-entries.ts';
import type { DeploymentRow, ProcessRow } from '../adapters/sql/schema.ts';
import type { Action } from '../domain/access/decide-access.ts';
import { weightProblems } from '../domain/deployment/canary.ts';
import { lrpGuid } from '../domain/lrp/process-guid.ts';
import { notFound, unprocessable } from '../errors.ts';
import { deploymentSchema, presentDeployment } from '../resources/deployment.ts';
import { listSchema } from '../resources/shapes.ts';
import { type CallerAccess, hideForbidden } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { checkMetadata, guidParameters, metadataBody, toOneBody } from './bodies.ts';
import { listBody, listParameters } from './lists.ts';
import { scaleBody } from './process-bodies.ts';

const MAX_STEPS = 100;
const { instances, ...scaleFields } = scaleBody.shape;

const createBody = z.strictObject({
  droplet: z.strictObject({ guid: z.string().min(1) }).optional(),
  revision: z.strictObject({ guid: z.string().min(1) }).optional(),
  strategy: z.enum(['rolling', 'canary']).optional(),
  options: z
    .strictObject({
      max_in_flight: z.int().min(1).nullable().optional(),
      web_instances: instances,
      ...scaleFields,
      canary: z
        .strictObject({
          steps: z
            .array(z.strictObject({ instance_weight: z.int().min(1).max(100) }))
            .max(MAX_STEPS)
            .nullable()
            .optional(),
        })
        .nullable()
        .optional(),
    })
    .nullable()
    .optional(),
  relationships: z.strictObject({ app: toOneBody }),
  metadata: metadataBody.optional(),
});

const filters: Filters<'deployments'> = {
  guids: oneOf('deployments', 'guid'),
  app_guids: oneOf('deployments', 'app_guid'),
  states: oneOf('deployments', 'state'),
  status_values: oneOf('deployments', 'status_value'),
  status_reasons: oneOf('deployments', 'status_reason'),
};

/** Throws 404, 403. */
async function findDeployment(
  { db }: ApiContext,
  access: CallerAccess,
  guid: string,
  action: Action = 'app.read',
): Promise<DeploymentRow> {
  const row = await db
    .selectFrom('deployments')
    .innerJoin('apps', 'apps.guid', 'deployments.app_guid')
    .selectAll('deployments')
    .select('apps.space_guid')
    .where('deployments.guid', '=', guid)
    .executeTakeFirst();
  if (row === undefined) throw notFound('Deployment');
  const { space_guid: spaceGuid, ...found } = row;
  await access.requireInSpace(action, spaceGuid, 'Deployment');
  return found;
}

export function deploymentRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, link } = context;
  const shown = { response: { 200: deploymentSchema } };
  const presentAll = async (rows: readonly DeploymentRow[]): Promise<z.infer<typeof deploymentSchema>[]> => {
    const metadata = await loadMetadata(
      db,
      rows.map((row) => row.guid),
    );
    const guids = rows.flatMap((row) => row.revision_guid ?? []);
    const revisions =
      guids.length === 0
        ? []
        : await db.selectFrom('revisions').select(['guid', 'version']).where('guid', 'in', guids).execute();
    return rows.map((row) => {
      const revision = revisions.find(({ guid }) => guid === row.revision_guid);
      return presentDeployment(row, revision, metadata(row.guid), link);
    });
  };
  const present = async (row: DeploymentRow): Promise<z.infer<typeof deploymentSchema>> => {
    const [presented] = await presentAll([row]);
    if (presented === undefined) throw notFound('Deployment');
    return presented;
  };

  const listed = {
    querystring: listParameters({ filters: Object.keys(filters), orderBy: ['created_at', 'updated_at'] }),
    response: { 200: listSchema(deploymentSchema) },
  };
  api.get('/v3/deployments', { schema: listed }, async (request) => {
    const { query } = request;
    const visible = await accessOf(request).visibleApps('deployments.app_guid');
    const all = db.selectFrom('deployments');
    const base = visible === undefined ? all : all.where(visible);
    const { rows, totalResults } = await listPage('deployments', base, filters, query);
    return listBody(request, link, query, totalResults, await presentAll(rows));
  });

  api.post(
    '/v3/deployments',
    { schema: { body: createBody, response: { 201: deploymentSchema } } },
    async (request, reply) => {
      const access = accessOf(request);
      const { droplet, revision, strategy = 'rolling', options, relationships, metadata } = request.body;
      checkMetadata(metadata);
      const canaryWeights = (options?.canary?.steps ?? []).map((step) => step.instance_weight);
      if (options?.canary != null && strategy !== 'canary') {
        throw unprocessable('Options.canary are only valid for Canary deployments');
      }
      if (droplet !== undefined && revision !== undefined) {
        throw unprocessable("Cannot set both fields 'droplet' and 'revision'");
      }
      const problems = weightProblems(canaryWeights);
      if (problems.length > 0) throw unprocessable(...problems);
      const appGuid = relationships.app.data.guid;
      await requireApp(context, access, appGuid);
      const spec = {
        appGuid,
        dropletGuid: droplet?.guid,
        revisionGuid: revision?.guid,
        strategy,
        maxInFlight: options?.max_in_flight ?? 1,
        canaryWeights,
        scale: {
          web_instances: options?.web_instances ?? null,
          memory_in_mb: options?.memory_in_mb ?? null,
          disk_in_mb: options?.disk_in_mb ?? null,
          log_rate_limit_in_bytes_per_second: options?.log_rate_limit_in_bytes_per_second ?? null,
        },
        metadata,
      };
      const row = await writer.write((unit) => createDeployment(unit, platform, access, spec));
      return reply.code(201).send(await present(row));
    },
  );

  api.get('/v3/deployments/:guid', { schema: { params: guidParameters, ...shown } }, async (request) =>
    present(await findDeployment(context, accessOf(request), request.params.guid)),
  );

  api.patch(
    '/v3/deployments/:guid',
    { schema: { params: guidParameters, body: z.strictObject({ metadata: metadataBody.optional() }), ...shown } },
    async (request) => {
      const { metadata } = request.body;
      checkMetadata(metadata);
      const row = await findDeployment(context, accessOf(request), request.params.guid, 'app.write');
      await writer.write((unit) => updateMetadataOfApp(unit, 'deployment', row, metadata));
      return present(row);
    },
  );

  const findSteerable = (access: CallerAccess, guid: string): Promise<DeploymentRow> =>
    hideForbidden(findDeployment(context, access, guid, 'app.operate'), notFound('Deployment'));
  const acted = { params: guidParameters, response: { 200: z.object({}) } };
  api.post('/v3/deployments/:guid/actions/cancel', { schema: acted }, async (request) => {
    const { guid } = await findSteerable(accessOf(request), request.params.guid);
    await writer.write((unit) => cancelDeployment(unit, guid, (process) => runs(context, process)));
    return {};
  });
  api.post('/v3/deployments/:guid/actions/continue', { schema: acted }, async (request) => {
    const { guid } = await findSteerable(accessOf(request), request.params.guid);
    await writer.write((unit) => continueDeployment(unit, guid));
    return {};
  });
}

/** Throws 422. */
async function requireApp({ db }: ApiContext, access: CallerAccess, guid: string): Promise<void> {
  const app = await db.selectFrom('apps').select('space_guid').where('guid', '=', guid).executeTakeFirst();
  if (app === undefined || (await access.inSpace('app.operate', app.space_guid)) !== 'allowed') {
    throw unprocessable('Unable to use app. Ensure that the app exists and you have access to it.');
  }
}

/** Does an instance of this process run, as far as is known? */
function runs({ actual }: ApiContext, process: ProcessRow): boolean {
  const instances = actual()?.instancesOf(lrpGuid(process.guid, process.version)) ?? [];
  return instances.some(({ state }) => state === 'RUNNING');
}
