import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import {
  addDestinations,
  type NewDestination,
  removeDestination,
  replaceDestinations,
  setDestinationProtocol,
} from '../actions/routes.ts';
import { loadDestinations } from '../adapters/sql/destination-rows.ts';
import type { RouteRow } from '../adapters/sql/schema.ts';
import { protocolWarnings, type RouteProtocol } from '../domain/names/route-protocol.ts';
import { notFound, unprocessable } from '../errors.ts';
import { destinationSchema, destinationsSchema, presentDestination, presentDestinations } from '../resources/route.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { guidParameters } from './bodies.ts';
import { emptyResponse } from './openapi/answers.ts';
import { findRoute } from './routes.ts';

/** cloud_controller_ng allows only ports that need no privilege. */
const MIN_PORT = 1024;
const MAX_PORT = 65_535;
const MAX_DESTINATIONS = 100;

const destinationBody = z.strictObject({
  app: z.strictObject({
    guid: z.string().min(1),
    process: z.strictObject({ type: z.string().min(1) }).optional(),
  }),
  port: z.int().min(MIN_PORT).max(MAX_PORT).nullable().optional(),
  protocol: z.enum(['http1', 'http2']).nullable().optional(),
  weight: z.null({ error: 'Destinations have no weights: traffic is spread evenly' }).optional(),
});

const destinationsBody = z.strictObject({ destinations: z.array(destinationBody).max(MAX_DESTINATIONS) });
/** Null: the default. */
const protocolBody = z.strictObject({ protocol: z.enum(['http1', 'http2']).nullable() });
const destinationParameters = z.object({ guid: z.string(), destination: z.string() });

/** The cf CLI shows it. */
function warn(reply: FastifyReply, protocols: readonly (RouteProtocol | null | undefined)[]): void {
  const warnings = protocolWarnings(protocols).map(encodeURIComponent);
  if (warnings.length > 0) void reply.header('x-cf-warnings', warnings.join(','));
}

/** Where routes lead. */
export function routeDestinationRoutes(api: Api, context: ApiContext): void {
  const { db, writer, platform, link } = context;
  const answer = { response: { 200: destinationsSchema } };
  const present = async (routeGuid: string): Promise<z.infer<typeof destinationsSchema>> =>
    presentDestinations(routeGuid, await loadDestinations(db, [routeGuid]), link);

  api.get('/v3/routes/:guid/destinations', { schema: { params: guidParameters, ...answer } }, async (request) => {
    const { guid } = await findRoute(context, accessOf(request), request.params.guid);
    return present(guid);
  });

  const changed = { params: guidParameters, body: destinationsBody, ...answer };
  api.post('/v3/routes/:guid/destinations', { schema: changed }, async (request, reply) => {
    warn(
      reply,
      request.body.destinations.map(({ protocol }) => protocol),
    );
    const route = await findRoute(context, accessOf(request), request.params.guid, 'route.write');
    const destinations = await checkDestinations(context, route, request.body);
    await writer.write((unit) => addDestinations(unit, platform, route.guid, destinations));
    return present(route.guid);
  });
  api.patch('/v3/routes/:guid/destinations', { schema: changed }, async (request, reply) => {
    warn(
      reply,
      request.body.destinations.map(({ protocol }) => protocol),
    );
    const route = await findRoute(context, accessOf(request), request.params.guid, 'route.write');
    const destinations = await checkDestinations(context, route, request.body);
    await writer.write((unit) => replaceDestinations(unit, platform, route.guid, destinations));
    return present(route.guid);
  });

  const findDestination = (
    routeGuid: string,
    guid: string,
  ): Promise<{ readonly guid: string; readonly app_guid: string } | undefined> =>
    db
      .selectFrom('route_destinations')
      .select(['guid', 'app_guid'])
      .where('route_guid', '=', routeGuid)
      .where('guid', '=', guid)
      .executeTakeFirst();

  api.patch(
    '/v3/routes/:guid/destinations/:destination',
    { schema: { params: destinationParameters, body: protocolBody, response: { 200: destinationSchema } } },
    async (request, reply) => {
      warn(reply, [request.body.protocol]);
      const { guid } = await findRoute(context, accessOf(request), request.params.guid, 'route.write');
      const row = await findDestination(guid, request.params.destination);
      if (row === undefined) throw notFound('Destination');
      const protocol = request.body.protocol ?? 'http1';
      await writer.write((unit) => setDestinationProtocol(unit, platform, row, protocol));
      const changed = (await loadDestinations(db, [guid])).find((destination) => destination.guid === row.guid);
      if (changed === undefined) throw notFound('Destination');
      return presentDestination(changed);
    },
  );

  api.delete(
    '/v3/routes/:guid/destinations/:destination',
    { schema: { params: destinationParameters, response: emptyResponse } },
    async (request, reply) => {
      const { guid } = await findRoute(context, accessOf(request), request.params.guid, 'route.write');
      const row = await findDestination(guid, request.params.destination);
      if (row === undefined) {
        throw unprocessable(
          'Unable to unmap route from destination. Ensure the route has a destination with this guid.',
        );
      }
      await writer.write((unit) => removeDestination(unit, platform, row));
      return reply.code(204).send();
    },
  );
}

/** Throws 422 when an app is not there, or neither in the route's space nor in one that it is shared with. */
async function checkDestinations(
  { db }: ApiContext,
  route: RouteRow,
  { destinations }: z.infer<typeof destinationsBody>,
): Promise<NewDestination[]> {
  const guids = [...new Set(destinations.map(({ app }) => app.guid))];
  const apps =
    guids.length === 0
      ? []
      : await db.selectFrom('apps').select(['guid', 'space_guid']).where('guid', 'in', guids).execute();
  const spaces = new Map(apps.map((app) => [app.guid, app.space_guid]));
  const missing = guids.filter((guid) => !spaces.has(guid));
  if (missing.length > 0) {
    const list = missing.map((guid) => `"${guid}"`).join(', ');
    throw unprocessable(`App(s) with guid(s) ${list} do not exist or you do not have access.`);
  }
  const shared = await db
    .selectFrom('route_spaces')
    .select('space_guid')
    .where('route_guid', '=', route.guid)
    .execute();
  const allowed = new Set([route.space_guid, ...shared.map((row) => row.space_guid)]);
  if (guids.some((guid) => !allowed.has(spaces.get(guid) ?? ''))) {
    throw unprocessable("Routes destinations must be in either the route's space or the route's shared spaces");
  }
  return destinations.map(({ app, port, protocol }) => ({
    appGuid: app.guid,
    processType: app.process?.type ?? 'web',
    port: port ?? null,
    protocol: protocol ?? 'http1',
  }));
}
