import type { RouteRow, SpaceRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { unprocessable } from '../errors.ts';
import { requireRouteQuota } from './quota-checks.ts';
import { auditRoute } from './routes.ts';

/** A route and what users call it. */
export interface NamedRoute {
  readonly row: RouteRow;
  readonly url: string;
}

/** Lets a route lead to apps of more spaces (cloud_controller_ng `route_share.rb`). Throws 422. */
export async function shareRoute(
  unit: UnitOfWork,
  { row, url }: NamedRoute,
  spaceGuids: readonly string[],
): Promise<void> {
  if (spaceGuids.includes(row.space_guid)) {
    throw unprocessable(
      `Unable to share route '${url}' with space '${row.space_guid}'. Routes cannot be shared into the space where they were created.`,
    );
  }
  const wanted = [...new Set(spaceGuids)];
  if (wanted.length === 0) return;
  const added = await unit.sql
    .insertInto('route_spaces')
    .values(wanted.map((guid) => ({ route_guid: row.guid, space_guid: guid })))
    .onConflict((conflict) => conflict.doNothing())
    .returning('space_guid')
    .execute();
  if (added.length === 0) return;
  await auditRoute(unit, row, 'share', { target_space_guids: added.map((entry) => entry.space_guid) });
}

/** Destinations that lead to the space's apps stay until they are unmapped, as on Cloud Foundry. Throws 422. */
export async function unshareRoute(unit: UnitOfWork, { row, url }: NamedRoute, spaceGuid: string): Promise<void> {
  if (spaceGuid === row.space_guid) {
    throw unprocessable(
      `Unable to unshare route '${url}' from space '${spaceGuid}'. Routes cannot be removed from the space that owns them.`,
    );
  }
  await unit.sql
    .deleteFrom('route_spaces')
    .where('route_guid', '=', row.guid)
    .where('space_guid', '=', spaceGuid)
    .execute();
  await auditRoute(unit, row, 'unshare', { target_space_guid: spaceGuid });
}

/**
 * Gives a route to another space; the one that had it goes on sharing it, so that what it leads to stays
 * (`route_transfer_owner.rb`). Throws 422 beyond the new space's quota.
 */
export async function transferRoute(unit: UnitOfWork, route: RouteRow, to: Pick<SpaceRow, 'guid'>): Promise<void> {
  const { sql, now } = unit;
  if (route.space_guid === to.guid) return;
  await sql
    .updateTable('routes')
    .set({ space_guid: to.guid, updated_at: now })
    .where('guid', '=', route.guid)
    .execute();
  await sql.deleteFrom('route_spaces').where('route_guid', '=', route.guid).where('space_guid', '=', to.guid).execute();
  await sql
    .insertInto('route_spaces')
    .values({ route_guid: route.guid, space_guid: route.space_guid })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  await requireRouteQuota(unit, to.guid);
  await auditRoute(unit, route, 'transfer-owner', { target_space_guid: to.guid });
}
