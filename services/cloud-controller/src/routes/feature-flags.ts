import { z } from 'zod';
import { updateFeatureFlag } from '../actions/feature-flags.ts';
import { loadFeatureFlag, loadFeatureFlags } from '../adapters/sql/feature-flag-rows.ts';
import { isFeatureFlagName } from '../domain/feature-flags.ts';
import { notFound } from '../errors.ts';
import { featureFlagSchema, presentFeatureFlag } from '../resources/feature-flag.ts';
import { listSchema } from '../resources/shapes.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { listBody, listParameters } from './lists.ts';

const nameParameters = z.object({ name: z.string() });
const updateBody = z.strictObject({
  enabled: z.boolean(),
  custom_error_message: z.string().max(250).nullable().optional(),
});

export function featureFlagRoutes(api: Api, { db, writer, link }: ApiContext): void {
  const listed = {
    querystring: listParameters({ filters: [], orderBy: ['name'], rows: false }),
    response: { 200: listSchema(featureFlagSchema) },
  };
  api.get('/v3/feature_flags', { schema: listed }, async (request) => {
    const { query } = request;
    const flags = await loadFeatureFlags(db);
    if (query.orderBy?.descending === true) flags.reverse();
    const start = (query.page - 1) * query.perPage;
    const resources = flags.slice(start, start + query.perPage).map((flag) => presentFeatureFlag(flag, link));
    return listBody(request, link, query, flags.length, resources);
  });

  api.get(
    '/v3/feature_flags/:name',
    { schema: { params: nameParameters, response: { 200: featureFlagSchema } } },
    async (request) => {
      const { name } = request.params;
      if (!isFeatureFlagName(name)) throw notFound('Feature flag');
      return presentFeatureFlag(await loadFeatureFlag(db, name), link);
    },
  );

  api.patch(
    '/v3/feature_flags/:name',
    { schema: { params: nameParameters, body: updateBody, response: { 200: featureFlagSchema } } },
    async (request) => {
      accessOf(request).requireAdmin();
      const { name } = request.params;
      if (!isFeatureFlagName(name)) throw notFound('Feature flag');
      const { enabled, custom_error_message: customErrorMessage } = request.body;
      const flag = await writer.write((unit) => updateFeatureFlag(unit, name, { enabled, customErrorMessage }));
      return presentFeatureFlag(flag, link);
    },
  );
}
