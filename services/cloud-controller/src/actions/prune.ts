import { deleteMetadata } from '../adapters/sql/metadata-entries.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { dropletsInUse } from './droplets.ts';
import { trackWantedImages } from './wanted-images.ts';

/** Besides those that are used; Cloud Foundry's `max_staged_droplets_stored` and `max_valid_packages_stored`. */
const KEPT_DROPLETS = 5;
const KEPT_PACKAGES = 5;
/** Cloud Foundry's `max_retained_builds_per_app` and `max_retained_deployments_per_app`. */
const KEPT_BUILDS = 100;
const KEPT_DEPLOYMENTS = 100;

type Pruned = 'packages' | 'droplets' | 'builds' | 'deployments';

/** Called where one more is made, so that no table grows with how often an app is pushed. */
export async function pruneDroplets(unit: UnitOfWork, appGuid: string): Promise<void> {
  await trackWantedImages(unit, appGuid);
  const used = await dropletsInUse(unit, appGuid);
  const rows = await unit.sql
    .selectFrom('droplets')
    .select('guid')
    .where('app_guid', '=', appGuid)
    .orderBy('id', 'desc')
    .execute();
  const unused = rows.filter(({ guid }) => !used.has(guid));
  await forget(unit, 'droplets', unused.slice(KEPT_DROPLETS));
}

/** What the current droplet was made of stays, and what is being staged. */
export async function prunePackages(unit: UnitOfWork, appGuid: string): Promise<void> {
  const { sql } = unit;
  const current = await sql
    .selectFrom('apps')
    .innerJoin('droplets', 'droplets.guid', 'apps.droplet_guid')
    .select('droplets.package_guid')
    .where('apps.guid', '=', appGuid)
    .execute();
  const staging = await sql
    .selectFrom('builds')
    .select('package_guid')
    .where('app_guid', '=', appGuid)
    .where('state', '=', 'STAGING')
    .execute();
  const used = new Set([...current, ...staging].map((row) => row.package_guid));
  const rows = await sql
    .selectFrom('packages')
    .select('guid')
    .where('app_guid', '=', appGuid)
    .orderBy('id', 'desc')
    .execute();
  const unused = rows.filter(({ guid }) => !used.has(guid));
  await forget(unit, 'packages', unused.slice(KEPT_PACKAGES));
}

/** Those that are under way stay. */
export async function pruneBuilds(unit: UnitOfWork, appGuid: string): Promise<void> {
  const rows = await unit.sql
    .selectFrom('builds')
    .select('guid')
    .where('app_guid', '=', appGuid)
    .where('state', '!=', 'STAGING')
    .orderBy('id', 'desc')
    .execute();
  await forget(unit, 'builds', rows.slice(KEPT_BUILDS));
}

/** Those that are under way stay. */
export async function pruneDeployments(unit: UnitOfWork, appGuid: string): Promise<void> {
  const rows = await unit.sql
    .selectFrom('deployments')
    .select('guid')
    .where('app_guid', '=', appGuid)
    .where('status_value', '=', 'FINALIZED')
    .orderBy('id', 'desc')
    .execute();
  await forget(unit, 'deployments', rows.slice(KEPT_DEPLOYMENTS));
}

async function forget(unit: UnitOfWork, table: Pruned, rows: readonly { readonly guid: string }[]): Promise<void> {
  if (rows.length === 0) return;
  const guids = rows.map(({ guid }) => guid);
  await deleteMetadata(unit.sql, guids);
  await unit.sql.deleteFrom(table).where('guid', 'in', guids).execute();
}
