import { z } from 'zod';
import { featuresOf, setFeatures } from '../actions/app-features.ts';
import type { AppRow } from '../adapters/sql/schema.ts';
import { appFeatures } from '../domain/app-features.ts';
import { sshStatus } from '../domain/ssh-status.ts';
import { notFound } from '../errors.ts';
import { listSchema } from '../resources/shapes.ts';
import type { Api, ApiContext } from './api-context.ts';
import { findApp } from './apps.ts';
import { accessOf } from './authentication.ts';
import { guidParameters } from './bodies.ts';

const featureSchema = z.object({ name: z.string(), description: z.string(), enabled: z.boolean() });
const parameters = z.object({ guid: z.string(), name: z.string() });

function featureOf(app: AppRow, name: string): z.infer<typeof featureSchema> {
  if (!isFeature(name)) throw notFound('Feature');
  return { name, description: appFeatures[name], enabled: featuresOf(app)[name] };
}

function isFeature(name: string): name is keyof typeof appFeatures {
  return Object.hasOwn(appFeatures, name);
}

export function appFeatureRoutes(api: Api, context: ApiContext): void {
  api.get(
    '/v3/apps/:guid/features',
    { schema: { params: guidParameters, response: { 200: listSchema(featureSchema) } } },
    async (request) => {
      const app = await findApp(context, accessOf(request), request.params.guid);
      const resources = Object.keys(appFeatures).map((name) => featureOf(app, name));
      // All on one page, at an address without parameters (Cloud Foundry).
      const here = { href: context.link(`/v3/apps/${app.guid}/features`).href };
      const pagination = { total_results: resources.length, total_pages: 1, first: here, last: here };
      return { pagination: { ...pagination, next: null, previous: null }, resources };
    },
  );

  api.get(
    '/v3/apps/:guid/features/:name',
    { schema: { params: parameters, response: { 200: featureSchema } } },
    async (request) => {
      const app = await findApp(context, accessOf(request), request.params.guid);
      return featureOf(app, request.params.name);
    },
  );

  api.patch(
    '/v3/apps/:guid/features/:name',
    {
      schema: {
        params: parameters,
        body: z.strictObject({ enabled: z.boolean() }),
        response: { 200: featureSchema },
      },
    },
    async (request) => {
      const { enabled } = request.body;
      const action = request.params.name === 'revisions' ? 'app.operate' : 'app.write';
      const app = await findApp(context, accessOf(request), request.params.guid, action);
      const feature = featureOf(app, request.params.name);
      await context.writer.write((unit) => setFeatures(unit, app.guid, { [feature.name]: enabled }));
      return { ...feature, enabled };
    },
  );

  api.get(
    '/v3/apps/:guid/ssh_enabled',
    {
      schema: { params: guidParameters, response: { 200: z.object({ enabled: z.boolean(), reason: z.string() }) } },
    },
    async (request) => {
      const app = await findApp(context, accessOf(request), request.params.guid);
      const space = await context.db
        .selectFrom('spaces')
        .select('ssh_allowed')
        .where('guid', '=', app.space_guid)
        .executeTakeFirstOrThrow();
      return sshStatus(context.ssh !== undefined, space.ssh_allowed === 1, app.ssh_enabled === 1);
    },
  );
}
