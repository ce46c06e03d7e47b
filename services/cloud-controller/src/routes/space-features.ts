import { z } from 'zod';
import { allowSsh } from '../actions/tenancy.ts';
import type { SpaceRow } from '../adapters/sql/schema.ts';
import { notFound } from '../errors.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { guidParameters } from './bodies.ts';
import { findSpace } from './spaces.ts';

const featureSchema = z.object({ name: z.literal('ssh'), description: z.string(), enabled: z.boolean() });
const parameters = z.object({ guid: z.string(), name: z.string() });

function sshOf(space: SpaceRow): z.infer<typeof featureSchema> {
  return { name: 'ssh', description: 'Enable SSHing into apps in the space.', enabled: space.ssh_allowed === 1 };
}

/** What a space allows its apps. It holds for who logs in from then on; no app need be restarted. */
export function spaceFeatureRoutes(api: Api, context: ApiContext): void {
  api.get(
    '/v3/spaces/:guid/features',
    { schema: { params: guidParameters, response: { 200: z.object({ resources: z.array(featureSchema) }) } } },
    async (request) => {
      return { resources: [sshOf(await findSpace(context, accessOf(request), request.params.guid))] };
    },
  );

  api.get(
    '/v3/spaces/:guid/features/:name',
    { schema: { params: parameters, response: { 200: featureSchema } } },
    async (request) => {
      const space = await findSpace(context, accessOf(request), request.params.guid);
      if (request.params.name !== 'ssh') throw notFound('Feature');
      return sshOf(space);
    },
  );

  const body = z.strictObject({ enabled: z.boolean() });
  api.patch(
    '/v3/spaces/:guid/features/:name',
    { schema: { params: parameters, body, response: { 200: featureSchema } } },
    async (request) => {
      const { enabled } = request.body;
      const space = await findSpace(context, accessOf(request), request.params.guid, 'space.update');
      if (request.params.name !== 'ssh') throw notFound('Feature');
      return sshOf(await context.writer.write((unit) => allowSsh(unit, space, enabled)));
    },
  );
}
