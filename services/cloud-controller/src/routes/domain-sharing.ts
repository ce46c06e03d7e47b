import { z } from 'zod';
import { shareDomain, unshareDomain } from '../actions/domain-sharing.ts';
import { loadSharedOrganizations } from '../adapters/sql/domain-rows.ts';
import { ApiError, notFound, unprocessable } from '../errors.ts';
import { toManySchema } from '../resources/shapes.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { guidParameters, toManyBody } from './bodies.ts';
import { findVisibleDomain, findWritableDomain } from './domains.ts';
import { emptyResponse } from './openapi/answers.ts';
import { organizationsToShareWith } from './organizations-to-share-with.ts';

/** `cf share-private-domain`, `cf unshare-private-domain`: the managers of both organizations, or an administrator. */
export function domainSharingRoutes(api: Api, context: ApiContext): void {
  const { db, writer } = context;
  const path = '/v3/domains/:guid/relationships/shared_organizations';

  api.post(
    path,
    { schema: { params: guidParameters, body: toManyBody, response: { 200: toManySchema } } },
    async (request) => {
      const access = accessOf(request);
      const domain = await findWritableDomain(context, access, request.params.guid);
      const guids = await organizationsToShareWith(
        context,
        access,
        request.body.data.map(({ guid }) => guid),
      );
      await writer.write((unit) => shareDomain(unit, domain, guids));
      const visible = access.visibleOrganizations('domain_organizations.organization_guid');
      const shared = (await loadSharedOrganizations(db, [domain.guid], visible))(domain.guid);
      return { data: shared.map((guid) => ({ guid })) };
    },
  );

  api.delete(
    `${path}/:organization`,
    { schema: { params: z.object({ guid: z.string(), organization: z.string() }), response: emptyResponse } },
    async (request, reply) => {
      const access = accessOf(request);
      const domain = await findVisibleDomain(context, access, request.params.guid);
      if (domain === undefined) throw notFound('Domain');
      const { organization: guid } = request.params;
      const organization = await db
        .selectFrom('organizations')
        .select(['guid', 'name'])
        .where('guid', '=', guid)
        .executeTakeFirst();
      const hidden = unprocessable(`Organization with guid '${guid}' does not exist or you do not have access to it.`);
      if (organization === undefined) throw hidden;
      // Whoever owns it may take it back, and whoever has it may give it up.
      const owner = domain.organization_guid;
      const owns = owner !== null && (await access.inOrganization('domain.write', owner)) === 'allowed';
      if (!owns && (await access.inOrganization('domain.write', guid)) !== 'allowed') {
        throw new ApiError('NotAuthorized');
      }
      if ((await access.inOrganization('organization.read', guid)) === 'hidden') throw hidden;
      await writer.write((unit) => unshareDomain(unit, domain, organization));
      return reply.code(204).send();
    },
  );
}
