import { z } from 'zod';
import { requireFeature } from '../actions/require-feature.ts';
import { type NamedRoute, shareRoute, transferRoute, unshareRoute } from '../actions/route-sharing.ts';
import { usableByOrganization } from '../adapters/sql/domain-rows.ts';
import type { RouteRow, SpaceRow } from '../adapters/sql/schema.ts';
import { routeUrl } from '../domain/names/route-name.ts';
import { unprocessable } from '../errors.ts';
import { linkSchema, toManySchema } from '../resources/shapes.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { guidParameters, toManyBody, toOneBody } from './bodies.ts';
import { emptyResponse } from './openapi/answers.ts';
import { findRoute } from './routes.ts';

const sharedSchema = toManySchema.extend({ links: z.object({ self: linkSchema }) });

/** `cf share-route`, `unshare-route`, `move-route`: only while the feature flag `route_sharing` is on, for everyone. */
export function routeSharingRoutes(api: Api, context: ApiContext): void {
  const { db, writer, link } = context;
  const path = '/v3/routes/:guid/relationships/shared_spaces';
  const requireSharing = (): Promise<void> => requireFeature(db, 'route_sharing', { admin: false });

  const present = async (guid: string): Promise<z.infer<typeof sharedSchema>> => {
    const rows = await db
      .selectFrom('route_spaces')
      .select('space_guid as guid')
      .where('route_guid', '=', guid)
      .orderBy('space_guid')
      .execute();
    return { data: rows, links: { self: link(path.replace(':guid', guid)) } };
  };
  const named = async (row: RouteRow): Promise<NamedRoute> => {
    const { name } = await db
      .selectFrom('domains')
      .select('name')
      .where('guid', '=', row.domain_guid)
      .executeTakeFirstOrThrow();
    return { row, url: routeUrl(row.host, name, row.path) };
  };

  api.get(path, { schema: { params: guidParameters, response: { 200: sharedSchema } } }, async (request) => {
    await requireSharing();
    return present((await findRoute(context, accessOf(request), request.params.guid)).guid);
  });

  api.post(
    path,
    { schema: { params: guidParameters, body: toManyBody, response: { 200: sharedSchema } } },
    async (request) => {
      await requireSharing();
      const access = accessOf(request);
      const route = await named(await findRoute(context, access, request.params.guid, 'route.write'));
      const guids = request.body.data.map(({ guid }) => guid);
      const unreadable: string[] = [];
      const unwritable: string[] = [];
      for (const guid of guids) {
        const { access: decision } = await spaceToWrite(context, access, guid);
        if (decision === 'hidden') unreadable.push(`'${guid}'`);
        else if (decision !== 'allowed') unwritable.push(`'${guid}'`);
      }
      const problems = [
        ...(unreadable.length === 0
          ? []
          : [
              `Unable to share route ${route.url} with spaces [${unreadable.join(', ')}]. Ensure the spaces exist and that you have access to them.`,
            ]),
        ...(unwritable.length === 0
          ? []
          : [
              `Unable to share route ${route.url} with spaces [${unwritable.join(', ')}]. Write permission is required in order to share a route with a space and the containing organization must not be suspended.`,
            ]),
      ];
      if (problems.length > 0) throw unprocessable(problems.join('\n'));
      await writer.write((unit) => shareRoute(unit, route, guids));
      return present(route.row.guid);
    },
  );

  api.delete(
    `${path}/:space`,
    { schema: { params: z.object({ guid: z.string(), space: z.string() }), response: emptyResponse } },
    async (request, reply) => {
      await requireSharing();
      const access = accessOf(request);
      const route = await named(await findRoute(context, access, request.params.guid, 'route.write'));
      const { space } = request.params;
      await requireSpace(context, access, space, `Unable to unshare route '${route.url}' from space '${space}'.`);
      await writer.write((unit) => unshareRoute(unit, route, space));
      return reply.code(204).send();
    },
  );

  api.patch(
    '/v3/routes/:guid/relationships/space',
    {
      schema: { params: guidParameters, body: toOneBody, response: { 200: z.object({ status: z.literal('ok') }) } },
    },
    async (request) => {
      await requireSharing();
      const access = accessOf(request);
      const route = await named(await findRoute(context, access, request.params.guid, 'route.transfer'));
      const guid = request.body.data.guid;
      const refusal = `Unable to transfer owner of route '${route.url}' to space '${guid}'.`;
      const space = await requireSpace(context, access, guid, refusal);
      const usable = await db
        .selectFrom('domains')
        .select('id')
        .where('guid', '=', route.row.domain_guid)
        .where(usableByOrganization(space.organization_guid))
        .executeTakeFirst();
      if (usable === undefined) {
        throw unprocessable(`${refusal} Target space does not have access to route's domain`);
      }
      await writer.write((unit) => transferRoute(unit, route.row, space));
      return { status: 'ok' as const };
    },
  );
}

type SpaceDecision =
  | { readonly access: 'hidden' }
  | { readonly access: 'allowed' | 'forbidden' | 'suspended'; readonly row: SpaceRow };

async function spaceToWrite({ db }: ApiContext, access: CallerAccess, guid: string): Promise<SpaceDecision> {
  const row = await db.selectFrom('spaces').selectAll().where('guid', '=', guid).executeTakeFirst();
  if (row === undefined || (await access.inSpace('space.read', guid)) === 'hidden') return { access: 'hidden' };
  const organization = await db
    .selectFrom('organizations')
    .select('suspended')
    .where('guid', '=', row.organization_guid)
    .executeTakeFirstOrThrow();
  if (organization.suspended === 1 && !access.admin) return { access: 'suspended', row };
  const decision = await access.inSpace('route.write', guid);
  return decision === 'hidden' ? { access: 'hidden' } : { access: decision, row };
}

/** Throws 422, with `refusal` before the reason. */
async function requireSpace(
  context: ApiContext,
  access: CallerAccess,
  guid: string,
  refusal: string,
): Promise<SpaceRow> {
  const decision = await spaceToWrite(context, access, guid);
  switch (decision.access) {
    case 'hidden':
      throw unprocessable(`${refusal} Ensure the space exists and that you have access to it.`);
    case 'forbidden':
      throw unprocessable(`${refusal} You don't have write permission for the target space.`);
    case 'suspended':
      throw unprocessable(`${refusal} The target organization or space is suspended.`);
    case 'allowed':
      return decision.row;
  }
}
