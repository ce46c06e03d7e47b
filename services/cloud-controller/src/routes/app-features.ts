import { z } from 'zod';
import { setRevisionsEnabled } from '../actions/revisions.ts';
import type { AppRow } from '../adapters/sql/schema.ts';
import { notFound, unprocessable } from '../errors.ts';
import type { Api, ApiContext } from './api-context.ts';
import { findApp } from './apps.ts';
import { accessOf } from './authentication.ts';
import { guidParameters } from './bodies.ts';

/** What Cloud Foundry lets one switch on for an app. */
const features: Readonly<Record<string, string>> = {
  ssh: 'Enable SSHing into the app.',
  revisions: 'Enable versioning of an application',
};

const featureSchema = z.object({ name: z.string(), description: z.string(), enabled: z.boolean() });
const parameters = z.object({ guid: z.string(), name: z.string() });

/** Only revisions are there yet; the others are off, and say so when asked for. */
function featureOf(app: AppRow, name: string): z.infer<typeof featureSchema> {
  const description = Object.hasOwn(features, name) ? features[name] : undefined;
  if (description === undefined) throw notFound('Feature');
  return { name, description, enabled: name === 'revisions' && app.revisions_enabled === 1 };
}

export function appFeatureRoutes(api: Api, context: ApiContext): void {
  api.get(
    '/v3/apps/:guid/features',
    { schema: { params: guidParameters, response: { 200: z.object({ resources: z.array(featureSchema) }) } } },
    async (request) => {
      const app = await findApp(context, accessOf(request), request.params.guid);
      return { resources: Object.keys(features).map((name) => featureOf(app, name)) };
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
      const app = await findApp(context, accessOf(request), request.params.guid, 'app.write');
      const feature = featureOf(app, request.params.name);
      if (feature.name === 'revisions') {
        await context.writer.write((unit) => setRevisionsEnabled(unit, app.guid, enabled));
        return { ...feature, enabled };
      }
      if (enabled) throw unprocessable(`The feature '${feature.name}' is not available on this platform.`);
      return feature;
    },
  );

  api.get(
    '/v3/apps/:guid/ssh_enabled',
    {
      schema: { params: guidParameters, response: { 200: z.object({ enabled: z.boolean(), reason: z.string() }) } },
    },
    async (request) => {
      await findApp(context, accessOf(request), request.params.guid);
      return { enabled: false, reason: 'Disabled globally' };
    },
  );
}
