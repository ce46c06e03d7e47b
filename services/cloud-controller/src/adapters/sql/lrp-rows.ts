import { parseLrpGuid } from '../../domain/lrp/process-guid.ts';
import type { LrpState } from '../../domain/lrp/run-info.ts';
import { routeUrl } from '../../domain/names/route-name.ts';
import type { RouteOptions } from '../../domain/names/route-options.ts';
import { loadFeatureFlag } from './feature-flag-rows.ts';
import type { Sql } from './schema.ts';

/** A process that shall run, as the tables have it. `runInfo` is still sealed. */
export interface LrpRow {
  readonly processId: number;
  readonly processGuid: string;
  readonly version: string;
  readonly runInfo: string;
  readonly state: LrpState;
}

const PAGE = 500;

interface Selection {
  readonly id: number;
  readonly guid: string;
  readonly type: string;
  readonly version: string;
  readonly instances: number;
  readonly updated_at: string;
  readonly app_guid: string;
  readonly run_info: string;
}

/**
 * The LRP of Diego's process guid; undefined when nothing of this guid shall run: the process is gone, stopped or has
 * another version, or images are switched off.
 */
export async function loadLrp(sql: Sql, guid: string): Promise<LrpRow | undefined> {
  const parsed = parseLrpGuid(guid);
  if (parsed === undefined || !(await dockerEnabled(sql))) return undefined;
  const rows = await started(sql)
    .where('processes.guid', '=', parsed.processGuid)
    .where('processes.version', '=', parsed.version)
    .execute();
  return (await withState(sql, rows))[0];
}

/** Every LRP, in pages, so that a large platform is not held in memory at once. */
export async function* loadAllLrps(sql: Sql): AsyncGenerator<readonly LrpRow[]> {
  if (!(await dockerEnabled(sql))) return;
  for (let after = 0; ; ) {
    const rows = await started(sql).where('processes.id', '>', after).orderBy('processes.id').limit(PAGE).execute();
    const last = rows.at(-1);
    if (last === undefined) return;
    yield await withState(sql, rows);
    after = last.id;
  }
}

/** cloud_controller_ng `processes_sync.rb`: docker processes are desired only while the flag is on. */
async function dockerEnabled(sql: Sql): Promise<boolean> {
  return (await loadFeatureFlag(sql, 'diego_docker')).enabled;
}

function started(sql: Sql) {
  return sql
    .selectFrom('processes')
    .innerJoin('apps', 'apps.guid', 'processes.app_guid')
    .innerJoin('run_infos', (join) =>
      join.onRef('run_infos.process_guid', '=', 'processes.guid').onRef('run_infos.version', '=', 'processes.version'),
    )
    .where('apps.desired_state', '=', 'STARTED')
    .select([
      'processes.id',
      'processes.guid',
      'processes.type',
      'processes.version',
      'processes.instances',
      'processes.updated_at',
      'processes.app_guid',
      'run_infos.run_info',
    ]);
}

async function withState(sql: Sql, rows: readonly Selection[]): Promise<LrpRow[]> {
  if (rows.length === 0) return [];
  const appGuids = [...new Set(rows.map((row) => row.app_guid))];
  const processKey = (appGuid: string, type: string): string => `${appGuid} ${type}`;
  const destinations = Map.groupBy(await loadDestinationUrls(sql, appGuids), ({ appGuid, processType }) =>
    processKey(appGuid, processType),
  );
  const processGuids = rows.map((row) => row.guid);
  const retiredRows = await sql
    .selectFrom('retired_instances')
    .select(['process_guid', 'instance_guid'])
    .where('process_guid', 'in', processGuids)
    .orderBy('id')
    .execute();
  const retired = Map.groupBy(retiredRows, (entry) => entry.process_guid);
  return rows.map((row) => ({
    processId: row.id,
    processGuid: row.guid,
    version: row.version,
    runInfo: row.run_info,
    state: {
      instances: row.instances,
      updatedAt: row.updated_at,
      routes: (destinations.get(processKey(row.app_guid, row.type)) ?? []).filter(({ internal }) => !internal),
      internalHosts: internalHosts(destinations.get(processKey(row.app_guid, row.type)) ?? []),
      retire: (retired.get(row.guid) ?? []).map((entry) => entry.instance_guid),
    },
  }));
}

/** Once each: routes of one name to several ports are one name. */
function internalHosts(destinations: readonly DestinationUrl[]): string[] {
  return [...new Set(destinations.filter(({ internal }) => internal).map(({ url }) => url.replace(/\/.*$/, '')))];
}

export interface DestinationUrl {
  readonly appGuid: string;
  readonly processType: string;
  readonly url: string;
  /** On an internal domain: the router is not told of it. */
  readonly internal: boolean;
  readonly port: number | null;
  readonly protocol: 'http1' | 'http2';
  readonly options: RouteOptions;
}

/** Where routes lead to these apps, the oldest destination first. */
export async function loadDestinationUrls(sql: Sql, appGuids: readonly string[]): Promise<DestinationUrl[]> {
  if (appGuids.length === 0) return [];
  const rows = await sql
    .selectFrom('route_destinations')
    .innerJoin('routes', 'routes.guid', 'route_destinations.route_guid')
    .innerJoin('domains', 'domains.guid', 'routes.domain_guid')
    .select([
      'route_destinations.app_guid',
      'route_destinations.process_type',
      'route_destinations.port',
      'route_destinations.protocol',
      'routes.host',
      'routes.path',
      'routes.options',
      'domains.name as domain_name',
      'domains.internal',
    ])
    .where('route_destinations.app_guid', 'in', appGuids)
    .orderBy('route_destinations.id')
    .execute();
  return rows.map((row) => ({
    appGuid: row.app_guid,
    processType: row.process_type,
    url: routeUrl(row.host, row.domain_name, row.path),
    internal: row.internal === 1,
    port: row.port,
    protocol: row.protocol,
    options: JSON.parse(row.options) as RouteOptions,
  }));
}
