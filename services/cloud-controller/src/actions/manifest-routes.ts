import type { AppRow, DomainRow, RouteRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import type { ManifestRoute, ManifestRoutes } from '../domain/manifest/manifest.ts';
import { defaultHost, randomHost } from '../domain/manifest/random-host.ts';
import { splitHostname } from '../domain/manifest/route-text.ts';
import type { RouteOptionsChange } from '../domain/names/route-options.ts';
import { unprocessable } from '../errors.ts';
import type { Platform } from './platform.ts';
import { requireFeature } from './require-feature.ts';
import { addDestinations, createRoute, removeDestination, updateRoute } from './routes.ts';

export interface RouteScope {
  readonly platform: Platform;
  readonly caller: { readonly admin: boolean };
  readonly space: { readonly guid: string };
  /** That routes of this space may use, the oldest first. */
  readonly domains: readonly DomainRow[];
}

interface Place {
  readonly domain: DomainRow;
  readonly host: string;
  readonly path: string;
}

const MAX_RANDOM_ATTEMPTS = 10;

/** Leads routes to an app as a manifest says (cloud_controller_ng `manifest_route_update.rb`). Throws 403, 422. */
export async function applyRoutes(
  unit: UnitOfWork,
  scope: RouteScope,
  app: AppRow,
  wish: ManifestRoutes,
): Promise<void> {
  const mapped = await unit.sql.selectFrom('route_destinations').selectAll().where('app_guid', '=', app.guid).execute();
  switch (wish.kind) {
    case 'unchanged':
      return;
    case 'none':
      for (const destination of mapped) await removeDestination(unit, scope.platform, destination);
      return;
    case 'listed':
      for (const route of wish.routes) {
        const place = placeOf(scope, route);
        const row = await ensureRoute(unit, scope, place, route.text, route.options);
        await mapRoute(unit, scope, app, row, route.protocol);
      }
      return;
    case 'random':
    case 'default': {
      if (mapped.length > 0) return;
      const place = await newPlace(unit, scope, app, wish.kind);
      await mapRoute(unit, scope, app, await ensureRoute(unit, scope, place, place.host, {}), undefined);
    }
  }
}

function placeOf(scope: RouteScope, route: ManifestRoute): Place {
  const split = splitHostname(route.hostname, scope.domains);
  if (split === undefined) throw unprocessable(`No domains exist for route ${route.text}`);
  return { ...split, path: route.path };
}

/** Where an app without routes gets its first one: on the organization's default domain. */
async function newPlace(unit: UnitOfWork, scope: RouteScope, app: AppRow, kind: 'random' | 'default'): Promise<Place> {
  const usable = scope.domains.filter(({ internal }) => internal === 0);
  const domain = usable.find(({ organization_guid }) => organization_guid === null) ?? usable[0];
  if (domain === undefined) throw unprocessable('No default domains available');
  if (kind === 'default') {
    const host = defaultHost(app.name);
    if (host === undefined) throw unprocessable(`Failed to create default route from app name: Host format is invalid`);
    return { domain, host, path: '' };
  }
  for (let attempt = 0; attempt < MAX_RANDOM_ATTEMPTS; attempt++) {
    const place = { domain, host: randomHost(app.name, scope.platform.newGuid()), path: '' };
    if ((await findRouteAt(unit, place)) === undefined) return place;
  }
  throw unprocessable('Failed to find a random route that is free');
}

function findRouteAt({ sql }: UnitOfWork, { domain, host, path }: Place): Promise<RouteRow | undefined> {
  return sql
    .selectFrom('routes')
    .selectAll()
    .where('domain_guid', '=', domain.guid)
    .where('host', '=', host)
    .where('path', '=', path)
    .executeTakeFirst();
}

async function ensureRoute(
  unit: UnitOfWork,
  scope: RouteScope,
  place: Place,
  text: string,
  options: RouteOptionsChange,
): Promise<RouteRow> {
  const { platform, caller, space } = scope;
  const existing = await findRouteAt(unit, place);
  if (existing === undefined) {
    await requireFeature(unit.sql, 'route_creation', caller);
    return createRoute(unit, platform, { ...place, spaceGuid: space.guid, metadata: undefined, options });
  }
  if (existing.space_guid !== space.guid && !(await isShared(unit, existing, space.guid))) {
    throw unprocessable(
      `The app cannot be mapped to route ${text} because the route is not in this space. Apps must be mapped to routes in the same space.`,
    );
  }
  const isOther = Object.keys(options).length > 0;
  return isOther ? updateRoute(unit, platform, existing.guid, { options }) : existing;
}

async function isShared({ sql }: UnitOfWork, route: RouteRow, spaceGuid: string): Promise<boolean> {
  const row = await sql
    .selectFrom('route_spaces')
    .select('route_guid')
    .where('route_guid', '=', route.guid)
    .where('space_guid', '=', spaceGuid)
    .executeTakeFirst();
  return row !== undefined;
}

/** A destination that is there stays as it is, but for its protocol when the manifest names another. */
async function mapRoute(
  unit: UnitOfWork,
  { platform }: RouteScope,
  app: AppRow,
  route: RouteRow,
  protocol: 'http1' | 'http2' | undefined,
): Promise<void> {
  const existing = await unit.sql
    .selectFrom('route_destinations')
    .selectAll()
    .where('route_guid', '=', route.guid)
    .where('app_guid', '=', app.guid)
    .where('process_type', '=', 'web')
    .execute();
  const outdated = existing.filter((destination) => protocol !== undefined && destination.protocol !== protocol);
  if (existing.length > 0 && outdated.length === 0) return;
  for (const destination of outdated) await removeDestination(unit, platform, destination);
  const ports = outdated.length === 0 ? [null] : outdated.map(({ port }) => port);
  const wanted = ports.map((port) => ({
    appGuid: app.guid,
    processType: 'web',
    port,
    protocol: protocol ?? ('http1' as const),
  }));
  await addDestinations(unit, platform, route.guid, wanted);
}
