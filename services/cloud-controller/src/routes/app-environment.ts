import { z } from 'zod';
import { updateEnvironment } from '../actions/apps.ts';
import { auditApp } from '../actions/audit.ts';
import { loadEnvironmentGroup } from '../actions/environment-groups.ts';
import { decryptEnvironment } from '../actions/platform.ts';
import { requireFeature } from '../actions/require-feature.ts';
import { loadBoundServices } from '../actions/service-instances.ts';
import { loadDestinationUrls } from '../adapters/sql/lrp-rows.ts';
import type { AppRow } from '../adapters/sql/schema.ts';
import { vcapApplication } from '../domain/lrp/environment.ts';
import { FILE_DESCRIPTORS } from '../domain/lrp/resources.ts';
import { serviceMode, systemEnvironment } from '../domain/lrp/service-delivery.ts';
import { environmentProblems } from '../domain/names/environment-names.ts';
import { unprocessable } from '../errors.ts';
import { type Links, linkSchema } from '../resources/shapes.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { findApp } from './apps.ts';
import { accessOf } from './authentication.ts';
import { guidParameters, variablesBody } from './bodies.ts';
import { newestProcess } from './processes.ts';

const anyObject = z.record(z.string(), z.unknown());

const environmentSchema = z.object({
  staging_env_json: anyObject,
  running_env_json: anyObject,
  environment_variables: z.record(z.string(), z.string()),
  system_env_json: anyObject,
  application_env_json: anyObject,
});

const variablesSchema = z.object({
  var: z.record(z.string(), z.string()),
  links: z.object({ self: linkSchema, app: linkSchema }),
});

function presentVariables(
  appGuid: string,
  variables: Record<string, string>,
  link: Links,
): z.infer<typeof variablesSchema> {
  const app = `/v3/apps/${appGuid}`;
  return { var: variables, links: { self: link(`${app}/environment_variables`), app: link(app) } };
}

export function appEnvironmentRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, link } = context;
  const variablesOf = (app: AppRow): Record<string, string> =>
    decryptEnvironment(platform.vault, app.guid, app.environment_variables);

  /** Administrators can keep variables from being read. Throws 404, 403. */
  const findReadable = async (access: CallerAccess, guid: string): Promise<AppRow> => {
    const app = await findApp(context, access, guid, 'app.readVariables');
    await requireFeature(db, 'env_var_visibility', access);
    if (!access.global.adminReadOnly) await requireFeature(db, 'space_developer_env_var_visibility', access);
    return app;
  };

  api.get(
    '/v3/apps/:guid/env',
    { schema: { params: guidParameters, response: { 200: environmentSchema } } },
    async (request) => {
      const access = accessOf(request);
      const app = await findReadable(access, request.params.guid);
      const secrets = (await access.inSpace('app.readEnvironment', app.space_guid)) === 'allowed';
      await writer.write((unit) => auditApp(unit, app, 'environment.show'));
      return {
        staging_env_json: { ...(await loadEnvironmentGroup(db, platform, 'staging')).variables },
        running_env_json: { ...(await loadEnvironmentGroup(db, platform, 'running')).variables },
        environment_variables: variablesOf(app),
        // The credentials of services are not for those who only see to it that the app runs.
        system_env_json: secrets
          ? systemEnvironment(serviceMode(app), await loadBoundServices(db, platform, app.guid))
          : { redacted_message: '[PRIVATE DATA HIDDEN]' },
        application_env_json: { VCAP_APPLICATION: await applicationVariable(context, app) },
      };
    },
  );

  api.get(
    '/v3/apps/:guid/environment_variables',
    { schema: { params: guidParameters, response: { 200: variablesSchema } } },
    async (request) => {
      const app = await findReadable(accessOf(request), request.params.guid);
      await writer.write((unit) => auditApp(unit, app, 'environment_variables.show'));
      return presentVariables(app.guid, variablesOf(app), link);
    },
  );

  api.patch(
    '/v3/apps/:guid/environment_variables',
    {
      schema: {
        params: guidParameters,
        body: z.strictObject({ var: variablesBody }),
        response: { 200: variablesSchema },
      },
    },
    async (request) => {
      const change = request.body.var;
      const { guid } = await findApp(context, accessOf(request), request.params.guid, 'app.operate');
      const problems = environmentProblems(change);
      if (problems.length > 0) throw unprocessable(...problems);
      const variables = await writer.write((unit) => updateEnvironment(unit, platform, guid, change));
      return presentVariables(guid, variables, link);
    },
  );
}

/** What the web process would be told if it were started now. */
async function applicationVariable({ db, platform }: ApiContext, app: AppRow): Promise<Record<string, unknown>> {
  const process = await newestProcess(db, app.guid, 'web');
  const { space_name, org_guid, org_name } = await db
    .selectFrom('spaces')
    .innerJoin('organizations', 'organizations.guid', 'spaces.organization_guid')
    .select(['spaces.name as space_name', 'organizations.guid as org_guid', 'organizations.name as org_name'])
    .where('spaces.guid', '=', app.space_guid)
    .executeTakeFirstOrThrow();
  const urls = await loadDestinationUrls(db, [app.guid]);
  return vcapApplication({
    apiUrl: platform.externalUrl,
    app,
    space: { guid: app.space_guid, name: space_name },
    organization: { guid: org_guid, name: org_name },
    process: { guid: process?.guid ?? app.guid, type: 'web', version: process?.version ?? '' },
    limits: {
      memoryMb: process?.memory_mb ?? platform.limits.defaultMemoryMb,
      diskMb: process?.disk_mb ?? platform.limits.defaultDiskMb,
      fileDescriptors: FILE_DESCRIPTORS,
    },
    uris: [...new Set(urls.filter(({ processType }) => processType === 'web').map(({ url }) => url))],
  });
}
