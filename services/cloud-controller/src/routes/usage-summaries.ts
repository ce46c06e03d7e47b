import { z } from 'zod';
import { loadUsageSummary } from '../adapters/sql/usage-summary.ts';
import { notFound } from '../errors.ts';
import { linkSchema } from '../resources/shapes.ts';
import { usageSummarySchema } from '../resources/usage-summary.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { guidParameters } from './bodies.ts';
import { findOrganization } from './organizations.ts';
import { findSpace } from './spaces.ts';

const summarized = <T extends z.ZodRawShape>(links: T) =>
  z.object({ usage_summary: usageSummarySchema, links: z.object({ self: linkSchema, ...links }) });

/** How much of what quotas limit is taken. */
export function usageSummaryRoutes(api: Api, context: ApiContext): void {
  const { db, link } = context;

  api.get(
    '/v3/organizations/:guid/usage_summary',
    { schema: { params: guidParameters, response: { 200: summarized({ organization: linkSchema }) } } },
    async (request) => {
      const { guid } = await findOrganization(context, accessOf(request), request.params.guid);
      const self = `/v3/organizations/${guid}`;
      return {
        usage_summary: await loadUsageSummary(db, { kind: 'organization', guid }),
        links: { self: link(`${self}/usage_summary`), organization: link(self) },
      };
    },
  );

  api.get(
    '/v3/spaces/:guid/usage_summary',
    { schema: { params: guidParameters, response: { 200: summarized({ space: linkSchema }) } } },
    async (request) => {
      const row = await findSpace(context, accessOf(request), request.params.guid);
      const { guid, organization_guid: organizationGuid } = row;
      const self = `/v3/spaces/${guid}`;
      return {
        usage_summary: await loadUsageSummary(db, { kind: 'space', guid, organizationGuid }),
        links: { self: link(`${self}/usage_summary`), space: link(self) },
      };
    },
  );

  api.get('/v3/info/usage_summary', { schema: { response: { 200: summarized({}) } } }, async (request) => {
    // Of the platform as a whole, who does not see it is told nothing.
    if (!accessOf(request).seesAll) throw notFound('Usage summary');
    return {
      usage_summary: await loadUsageSummary(db, { kind: 'platform' }),
      links: { self: link('/v3/info/usage_summary') },
    };
  });
}
