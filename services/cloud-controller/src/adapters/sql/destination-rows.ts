import { DEFAULT_PORT, exposedTcpPorts } from '../../domain/lrp/ports.ts';
import { dropletExecutionSchema } from '../../domain/staging/droplet-execution.ts';
import type { RouteDestinationRow, Sql } from './schema.ts';

export interface DestinationRow extends RouteDestinationRow {
  /** Where it leads when it names no port. */
  readonly default_port: number;
}

/** Destinations of routes, the oldest first. */
export async function loadDestinations(sql: Sql, routeGuids: readonly string[]): Promise<DestinationRow[]> {
  if (routeGuids.length === 0) return [];
  const rows = await sql
    .selectFrom('route_destinations')
    .innerJoin('apps', 'apps.guid', 'route_destinations.app_guid')
    .leftJoin('droplets', 'droplets.guid', 'apps.droplet_guid')
    .selectAll('route_destinations')
    .select('droplets.execution')
    .where('route_destinations.route_guid', 'in', routeGuids)
    .orderBy('route_destinations.id')
    .execute();
  return rows.map(({ execution, ...row }) => ({ ...row, default_port: firstPort(execution) }));
}

function firstPort(execution: string | null): number {
  if (execution === null) return DEFAULT_PORT;
  return exposedTcpPorts(dropletExecutionSchema.parse(JSON.parse(execution)))[0] ?? DEFAULT_PORT;
}
