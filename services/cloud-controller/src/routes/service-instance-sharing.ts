import { z } from 'zod';
import { requireFeature } from '../actions/require-feature.ts';
import { ApiError, unprocessable } from '../errors.ts';
import { linkSchema, toManySchema } from '../resources/shapes.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { guidParameters, toManyBody } from './bodies.ts';
import { findServiceInstance } from './service-instances.ts';

const sharedSchema = toManySchema.extend({ links: z.object({ self: linkSchema }) });
const usageSchema = z.object({
  usage_summary: z.array(z.object({ space: z.object({ guid: z.string() }), bound_app_count: z.int() })),
  links: z.object({ self: linkSchema, shared_spaces: linkSchema, service_instance: linkSchema }),
});
const refusal = 'User-provided services cannot be shared.';

/** What Cloud Foundry answers of user-provided service instances: they are in one space, and have no parameters. */
export function serviceInstanceSharingRoutes(api: Api, context: ApiContext): void {
  const { db, link } = context;
  const path = '/v3/service_instances/:guid/relationships/shared_spaces';

  api.get(path, { schema: { params: guidParameters, response: { 200: sharedSchema } } }, async (request) => {
    const { guid } = await findServiceInstance(context, accessOf(request), request.params.guid);
    return { data: [], links: { self: link(path.replace(':guid', guid)) } };
  });

  api.get(
    `${path}/usage_summary`,
    { schema: { params: guidParameters, response: { 200: usageSchema } } },
    async (request) => {
      const { guid } = await findServiceInstance(context, accessOf(request), request.params.guid);
      const self = path.replace(':guid', guid);
      return {
        usage_summary: [],
        links: {
          self: link(`${self}/usage_summary`),
          shared_spaces: link(self),
          service_instance: link(`/v3/service_instances/${guid}`),
        },
      };
    },
  );

  api.post(path, { schema: { params: guidParameters, body: toManyBody } }, async (request) => {
    await requireFeature(db, 'service_instance_sharing', { admin: false });
    await findServiceInstance(context, accessOf(request), request.params.guid, 'service.write');
    throw unprocessable(refusal);
  });

  const ofSpace = z.object({ guid: z.string(), space: z.string() });
  api.delete(`${path}/:space`, { schema: { params: ofSpace } }, async (request) => {
    await findServiceInstance(context, accessOf(request), request.params.guid, 'service.write');
    throw unprocessable(refusal);
  });

  api.get('/v3/service_instances/:guid/parameters', { schema: { params: guidParameters } }, async (request) => {
    await findServiceInstance(context, accessOf(request), request.params.guid);
    throw new ApiError('ServiceFetchInstanceParametersNotSupported');
  });
}
