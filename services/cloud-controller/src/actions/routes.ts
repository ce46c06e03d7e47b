import { isUniqueViolation } from '@slipway/database';
import { deleteMetadata, saveMetadata } from '../adapters/sql/metadata-entries.ts';
import type { DomainRow, RouteDestinationRow, RouteRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { servesDestinations } from '../domain/lrp/ports.ts';
import type { MetadataUpdate } from '../domain/metadata.ts';
import { routeNameProblems, routeUrl } from '../domain/names/route-name.ts';
import {
  changedOptions,
  missingOption,
  type RouteOptions,
  type RouteOptionsChange,
} from '../domain/names/route-options.ts';
import { notFound, unprocessable } from '../errors.ts';
import { auditAppOf } from './audit.ts';
import type { Platform } from './platform.ts';
import { renewVersion, touchVersion } from './process-versions.ts';
import { requireRouteQuota } from './quota-checks.ts';
import { lockApp, processesOf } from './rows.ts';
import { openRunInfo } from './run-infos.ts';

export interface NewRoute {
  readonly host: string;
  readonly path: string;
  readonly spaceGuid: string;
  readonly domain: DomainRow;
  readonly metadata: MetadataUpdate | undefined;
  readonly options?: RouteOptionsChange | undefined;
}

/** Throws 422 when the name is not valid, taken, or the platform's own. */
export async function createRoute(unit: UnitOfWork, platform: Platform, spec: NewRoute): Promise<RouteRow> {
  const { sql, now } = unit;
  const host = spec.host.toLowerCase();
  const { path, domain } = spec;
  const problems = routeNameProblems({
    host,
    path,
    domain: { name: domain.name, shared: domain.organization_guid === null, internal: domain.internal === 1 },
  });
  if (problems.length > 0) throw unprocessable(...problems);
  if (platform.systemHosts.includes(routeUrl(host, domain.name, ''))) {
    throw unprocessable('Route conflicts with a reserved system route.');
  }
  const guid = platform.newGuid();
  const row = await sql
    .insertInto('routes')
    .values({
      guid,
      created_at: now,
      updated_at: now,
      host,
      path,
      space_guid: spec.spaceGuid,
      domain_guid: domain.guid,
      options: JSON.stringify(optionsAfter({}, spec.options)),
    })
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      throw isUniqueViolation(error) ? routeTaken(host, path, domain.name) : error;
    });
  await requireRouteQuota(unit, spec.spaceGuid);
  await saveMetadata(sql, 'route', guid, spec.metadata);
  await auditRoute(unit, row, 'create', { request: { host, path, domain_guid: domain.guid } });
  return row;
}

/** Notes what became of a route. */
export function auditRoute(
  unit: UnitOfWork,
  route: RouteRow,
  type: string,
  data: Readonly<Record<string, unknown>>,
): Promise<void> {
  const target = { guid: route.guid, type: 'route', name: route.host };
  return unit.audit({ type: `audit.route.${type}`, target, spaceGuid: route.space_guid, data });
}

/** Throws 404. */
export async function updateRoute(
  unit: UnitOfWork,
  platform: Platform,
  guid: string,
  {
    metadata,
    options,
  }: { readonly metadata?: MetadataUpdate | undefined; readonly options?: RouteOptionsChange | undefined },
): Promise<RouteRow> {
  const { sql, now } = unit;
  const mapped = await sql.selectFrom('route_destinations').select('app_guid').where('route_guid', '=', guid).execute();
  const apps =
    options === undefined
      ? []
      : await lockApps(
          unit,
          mapped.map(({ app_guid }) => app_guid),
        );
  const before = await sql.selectFrom('routes').selectAll().where('guid', '=', guid).executeTakeFirst();
  if (before === undefined) throw notFound('Route');
  await saveMetadata(sql, 'route', guid, metadata);
  const after = JSON.stringify(optionsAfter(JSON.parse(before.options) as RouteOptions, options));
  const row = await sql
    .updateTable('routes')
    .set({ updated_at: now, options: after })
    .where('guid', '=', guid)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw notFound('Route');
  await auditRoute(unit, row, 'update', { request: { metadata, options } });
  // Instances register it anew; the routers follow them.
  await rerouteApps(unit, platform, apps);
  return row;
}

/** Throws 422 when something is missing. */
function optionsAfter(before: RouteOptions, change: RouteOptionsChange = {}): RouteOptions {
  const options = changedOptions(before, change);
  const missing = missingOption(options);
  if (missing !== undefined) throw unprocessable(missing);
  return options;
}

/** In cloud_controller_ng's words, which the cf CLI looks for. */
function routeTaken(host: string, path: string, domain: string): Error {
  const parts = [
    host === '' ? '' : ` with host '${host}'`,
    path === '' ? '' : `${host === '' ? ' with' : ' and'} path '${path}'`,
  ];
  return unprocessable(`Route already exists${parts.join('')} for domain '${domain}'.`);
}

export interface NewDestination {
  readonly appGuid: string;
  readonly processType: string;
  readonly port: number | null;
  readonly protocol: 'http1' | 'http2';
}

/** Leads a route to more processes; those it leads to already are left as they are. */
export async function addDestinations(
  unit: UnitOfWork,
  platform: Platform,
  routeGuid: string,
  destinations: readonly NewDestination[],
): Promise<void> {
  const apps = await lockApps(
    unit,
    destinations.map(({ appGuid }) => appGuid),
  );
  for (const destination of destinations) {
    const added = await unit.sql
      .insertInto('route_destinations')
      .values({
        guid: platform.newGuid(),
        created_at: unit.now,
        updated_at: unit.now,
        route_guid: routeGuid,
        app_guid: destination.appGuid,
        process_type: destination.processType,
        port: destination.port,
        protocol: destination.protocol,
      })
      .onConflict((conflict) => conflict.doNothing())
      .returningAll()
      .executeTakeFirst();
    if (added !== undefined) await auditDestination(unit, 'map-route', added);
  }
  await rerouteApps(unit, platform, apps);
}

/** Notes that an app has one route more or less. */
export function auditDestination(
  unit: UnitOfWork,
  type: 'map-route' | 'unmap-route',
  destination: RouteDestinationRow,
): Promise<void> {
  return auditAppOf(unit, destination.app_guid, type, {
    route_guid: destination.route_guid,
    destination_guid: destination.guid,
    process_type: destination.process_type,
    app_port: destination.port,
    protocol: destination.protocol,
  });
}

/** Leads a route to these processes and no others. */
export async function replaceDestinations(
  unit: UnitOfWork,
  platform: Platform,
  routeGuid: string,
  destinations: readonly NewDestination[],
): Promise<void> {
  const { sql } = unit;
  const before = await sql.selectFrom('route_destinations').selectAll().where('route_guid', '=', routeGuid).execute();
  const key = (appGuid: string, type: string, port: number | null): string => `${appGuid} ${type} ${port ?? ''}`;
  const wanted = new Map(destinations.map((wish) => [key(wish.appGuid, wish.processType, wish.port), wish]));
  const superfluous = before.filter((row) => {
    const wish = wanted.get(key(row.app_guid, row.process_type, row.port));
    return wish === undefined || wish.protocol !== row.protocol;
  });
  for (const destination of superfluous) {
    await sql.deleteFrom('route_destinations').where('guid', '=', destination.guid).execute();
    await auditDestination(unit, 'unmap-route', destination);
  }
  const kept = new Set(destinations.map(({ appGuid }) => appGuid));
  await addDestinations(unit, platform, routeGuid, destinations);
  const left = superfluous.map((row) => row.app_guid).filter((guid) => !kept.has(guid));
  await rerouteApps(unit, platform, await lockApps(unit, left));
}

/** Instances learn of it through their routes, which the router follows. */
export async function setDestinationProtocol(
  unit: UnitOfWork,
  platform: Platform,
  destination: { readonly guid: string; readonly app_guid: string },
  protocol: 'http1' | 'http2',
): Promise<void> {
  const apps = await lockApps(unit, [destination.app_guid]);
  const row = await unit.sql
    .updateTable('route_destinations')
    .set({ protocol, updated_at: unit.now })
    .where('guid', '=', destination.guid)
    .returningAll()
    .executeTakeFirst();
  if (row !== undefined) await auditDestination(unit, 'map-route', row);
  await rerouteApps(unit, platform, apps);
}

export async function removeDestination(
  unit: UnitOfWork,
  platform: Platform,
  destination: { readonly guid: string; readonly app_guid: string },
): Promise<void> {
  const apps = await lockApps(unit, [destination.app_guid]);
  const removed = await unit.sql
    .deleteFrom('route_destinations')
    .where('guid', '=', destination.guid)
    .returningAll()
    .executeTakeFirst();
  if (removed !== undefined) await auditDestination(unit, 'unmap-route', removed);
  await rerouteApps(unit, platform, apps);
}

export async function deleteRoute(unit: UnitOfWork, platform: Platform, guid: string): Promise<void> {
  const { sql } = unit;
  const rows = await sql.selectFrom('route_destinations').selectAll().where('route_guid', '=', guid).execute();
  const apps = await lockApps(
    unit,
    rows.map((row) => row.app_guid),
  );
  await sql.deleteFrom('route_destinations').where('route_guid', '=', guid).execute();
  await sql.deleteFrom('route_spaces').where('route_guid', '=', guid).execute();
  for (const destination of rows) await auditDestination(unit, 'unmap-route', destination);
  const route = await sql.deleteFrom('routes').where('guid', '=', guid).returningAll().executeTakeFirst();
  if (route !== undefined) await auditRoute(unit, route, 'delete-request', { request: { recursive: true } });
  await deleteMetadata(sql, [guid]);
  await rerouteApps(unit, platform, apps);
}

type LockedApp = Awaited<ReturnType<typeof lockApp>>;

/** Always in the same order, so that two units never wait for each other. */
async function lockApps(unit: UnitOfWork, guids: readonly string[]): Promise<LockedApp[]> {
  const apps: LockedApp[] = [];
  for (const guid of [...new Set(guids)].sort()) apps.push(await lockApp(unit, guid));
  return apps;
}

/** Lets the routes of running processes follow; a port that a process does not have needs a new version. */
async function rerouteApps(unit: UnitOfWork, platform: Platform, apps: readonly LockedApp[]): Promise<void> {
  for (const app of apps) {
    if (app.desired_state !== 'STARTED') continue;
    const processes = await processesOf(unit, app.guid);
    for (const process of processes) {
      const row = await unit.sql
        .selectFrom('run_infos')
        .select(['run_info', 'droplet_guid'])
        .where('process_guid', '=', process.guid)
        .executeTakeFirst();
      if (row === undefined) continue;
      const running = openRunInfo(platform, process.guid, row.run_info);
      const destinations = await unit.sql
        .selectFrom('route_destinations')
        .select('port')
        .where('app_guid', '=', app.guid)
        .where('process_type', '=', process.type)
        .execute();
      if (servesDestinations(running, destinations)) await touchVersion(unit, process);
      // During a deployment each web process keeps the droplet that it runs.
      else if (processes.some((other) => other !== process && other.type === process.type)) {
        await renewVersion(unit, platform, { ...app, droplet_guid: row.droplet_guid }, process);
      } else await renewVersion(unit, platform, app, process);
    }
  }
}
