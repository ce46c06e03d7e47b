import { z } from 'zod';
import { notFound, unprocessable } from '../errors.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { guidParameters } from './bodies.ts';
import { findSpace } from './spaces.ts';

const featureSchema = z.object({ name: z.literal('ssh'), description: z.string(), enabled: z.boolean() });
const parameters = z.object({ guid: z.string(), name: z.string() });
const ssh: z.infer<typeof featureSchema> = {
  name: 'ssh',
  description: 'Enable SSHing into apps in the space.',
  enabled: false,
};

/** Containers have no way in by SSH: what a space could allow stays off. */
export function spaceFeatureRoutes(api: Api, context: ApiContext): void {
  api.get(
    '/v3/spaces/:guid/features',
    { schema: { params: guidParameters, response: { 200: z.object({ resources: z.array(featureSchema) }) } } },
    async (request) => {
      await findSpace(context, accessOf(request), request.params.guid);
      return { resources: [ssh] };
    },
  );

  api.get(
    '/v3/spaces/:guid/features/:name',
    { schema: { params: parameters, response: { 200: featureSchema } } },
    async (request) => {
      await findSpace(context, accessOf(request), request.params.guid);
      if (request.params.name !== ssh.name) throw notFound('Feature');
      return ssh;
    },
  );

  const body = z.strictObject({ enabled: z.boolean() });
  api.patch(
    '/v3/spaces/:guid/features/:name',
    { schema: { params: parameters, body, response: { 200: featureSchema } } },
    async (request) => {
      await findSpace(context, accessOf(request), request.params.guid, 'space.update');
      if (request.params.name !== ssh.name) throw notFound('Feature');
      if (request.body.enabled) throw unprocessable("The feature 'ssh' is not available on this platform.");
      return ssh;
    },
  );
}
