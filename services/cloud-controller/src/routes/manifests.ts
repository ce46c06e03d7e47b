import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { featuresOf } from '../actions/app-features.ts';
import { applyManifest, findAppByName } from '../actions/manifests.ts';
import { decryptEnvironment } from '../actions/platform.ts';
import { settingsOf, sidecarsOf } from '../actions/sidecars.ts';
import { loadFeatureFlag } from '../adapters/sql/feature-flag-rows.ts';
import { loadDestinationUrls } from '../adapters/sql/lrp-rows.ts';
import { loadMetadata } from '../adapters/sql/metadata-entries.ts';
import type { AppRow, Db } from '../adapters/sql/schema.ts';
import { writeYaml } from '../adapters/yaml/write-yaml.ts';
import { type AppEntry, type AppState, appManifest } from '../domain/manifest/app-manifest.ts';
import { diffManifest } from '../domain/manifest/diff-manifest.ts';
import type { ManifestApp } from '../domain/manifest/manifest.ts';
import { appBody } from '../domain/manifest/manifest-schema.ts';
import { MAX_APPLICATIONS, parseManifest } from '../domain/manifest/parse-manifest.ts';
import { allUnprocessable, unprocessable } from '../errors.ts';
import type { Api, ApiContext } from './api-context.ts';
import { findApp } from './apps.ts';
import { accessOf } from './authentication.ts';
import { guidParameters } from './bodies.ts';
import { jobAccepted } from './jobs.ts';
import { bodyNotes, jobResponse, YAML_TYPE, yamlResponse } from './openapi/answers.ts';
import { findSpace } from './spaces.ts';
import { yamlBody } from './yaml-body.ts';

const differenceSchema = z.object({
  op: z.enum(['add', 'remove', 'replace']),
  path: z.string(),
  was: z.unknown().optional(),
  value: z.unknown().optional(),
});

/** How a manifest is described. It comes as text, which `parseManifest` checks, each app with the same schema. */
const manifestBody = z
  .strictObject({ version: z.literal(1).optional(), applications: z.array(appBody).min(1).max(MAX_APPLICATIONS) })
  .register(bodyNotes, { contentType: YAML_TYPE, description: 'A manifest; names of keys may have - for _.' });

/** Manifests: what they change, applying them, and writing them (API v3, "Manifests"). */
export function manifestRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, link } = context;

  api.post(
    '/v3/spaces/:guid/actions/apply_manifest',
    { schema: { params: guidParameters, body: manifestBody, response: jobResponse } },
    async (request, reply) => {
      const access = accessOf(request);
      const space = await findSpace(context, access, request.params.guid, 'app.write');
      const { apps } = await manifestOf(db, request);
      const scope = { writer, platform, caller: access, space, operation: 'space.apply_manifest' };
      return jobAccepted(reply, link, await applyManifest(scope, apps));
    },
  );

  api.post(
    '/v3/apps/:guid/actions/apply_manifest',
    { schema: { params: guidParameters, body: manifestBody, response: jobResponse } },
    async (request, reply) => {
      const access = accessOf(request);
      const app = await findApp(context, access, request.params.guid, 'app.write');
      const space = await findSpace(context, access, app.space_guid, 'app.write');
      const { apps } = await manifestOf(db, request);
      if (apps.length !== 1 || apps[0]?.name !== app.name) {
        throw unprocessable(`The manifest must have one application, named '${app.name}'`);
      }
      const scope = { writer, platform, caller: access, space, operation: 'app.apply_manifest' };
      return jobAccepted(reply, link, await applyManifest(scope, apps));
    },
  );

  api.post(
    '/v3/spaces/:guid/manifest_diff',
    {
      schema: {
        params: guidParameters,
        body: manifestBody,
        response: { 201: z.object({ diff: z.array(differenceSchema) }) },
      },
    },
    async (request, reply) => {
      const space = await findSpace(context, accessOf(request), request.params.guid, 'app.write');
      const { document, apps } = await manifestOf(db, request);
      const current = new Map<string, AppEntry>();
      for (const { name } of apps) {
        const row = await findAppByName(db, space.guid, name);
        if (row !== undefined) current.set(name, appManifest(await loadState(context, row)));
      }
      return reply.code(201).send({ diff: diffManifest(document, (name) => current.get(name)) });
    },
  );

  api.get(
    '/v3/apps/:guid/manifest',
    { schema: { params: guidParameters, response: yamlResponse } },
    async (request, reply) => {
      const app = await findApp(context, accessOf(request), request.params.guid, 'app.readEnvironment');
      const manifest = { applications: [appManifest(await loadState(context, app))] };
      return reply.type(YAML_TYPE).send(writeYaml(manifest));
    },
  );
}

/** Throws 400, 422. */
async function manifestOf(
  db: Db,
  request: FastifyRequest,
): Promise<{ readonly document: unknown; readonly apps: readonly ManifestApp[] }> {
  const document = yamlBody(request.body);
  const hashRouting = (await loadFeatureFlag(db, 'hash_based_routing')).enabled;
  const result = parseManifest(document, { hashRouting });
  if (result.outcome === 'rejected') throw allUnprocessable(result.problems);
  return { document, apps: result.apps };
}

async function loadState({ db, platform }: ApiContext, app: AppRow): Promise<AppState> {
  const metadata = await loadMetadata(db, [app.guid]);
  const processes = await db
    .selectFrom('processes')
    .selectAll()
    .where('app_guid', '=', app.guid)
    .orderBy('id')
    .execute();
  // During a deployment the newest process of a type is the app's.
  const newest = new Map(processes.map((process) => [process.type, process]));
  const destinations = await loadDestinationUrls(db, [app.guid]);
  const routes = new Map(
    destinations
      .filter(({ processType }) => processType === 'web')
      .map(({ url, protocol, options }) => [url, { url, protocol, options }] as const),
  );
  return {
    name: app.name,
    docker: await loadImage({ db }, app),
    env: decryptEnvironment(platform.vault, app.guid, app.environment_variables),
    metadata: metadata(app.guid),
    services: await loadServices({ db }, app),
    features: featuresOf(app),
    sidecars: (await sidecarsOf(db, app.guid)).map(settingsOf),
    routes: [...routes.values()],
    processes: [...newest.values()],
  };
}

/** The oldest binding first. */
function loadServices(
  { db }: Pick<ApiContext, 'db'>,
  app: AppRow,
): Promise<{ readonly name: string; readonly bindingName: string | null }[]> {
  return db
    .selectFrom('service_bindings')
    .innerJoin('service_instances', 'service_instances.guid', 'service_bindings.service_instance_guid')
    .select(['service_instances.name', 'service_bindings.name as bindingName'])
    .where('service_bindings.app_guid', '=', app.guid)
    .orderBy('service_bindings.id')
    .execute();
}

/** As it was pushed: of the current droplet's package, else of the newest package. */
async function loadImage(
  { db }: Pick<ApiContext, 'db'>,
  app: AppRow,
): Promise<{ readonly image: string; readonly username: string | null } | undefined> {
  const ofDroplet =
    app.droplet_guid === null
      ? undefined
      : await db
          .selectFrom('packages')
          .innerJoin('droplets', 'droplets.package_guid', 'packages.guid')
          .select(['packages.image', 'packages.username'])
          .where('droplets.guid', '=', app.droplet_guid)
          .executeTakeFirst();
  if (ofDroplet !== undefined) return ofDroplet;
  return db
    .selectFrom('packages')
    .select(['image', 'username'])
    .where('app_guid', '=', app.guid)
    .orderBy('id', 'desc')
    .executeTakeFirst();
}
