import { deleteMetadata } from '../adapters/sql/metadata-entries.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { auditApp } from './audit.ts';
import { endVersion } from './process-versions.ts';
import { lockApp, processesOf } from './rows.ts';

/**
 * An app with all that is its own: processes, packages, builds, droplets, and the mappings of routes to it, but not the
 * routes. Throws 404.
 */
export async function deleteApp(unit: UnitOfWork, guid: string): Promise<void> {
  const { sql } = unit;
  const app = await lockApp(unit, guid);
  const processes = await processesOf(unit, guid);
  for (const process of processes) await endVersion(unit, process);
  const owned = ['builds', 'packages', 'droplets', 'deployments', 'revisions'] as const;
  const guids = [guid, ...processes.map((process) => process.guid)];
  for (const table of owned) {
    const rows = await sql.selectFrom(table).select('guid').where('app_guid', '=', guid).execute();
    guids.push(...rows.map((row) => row.guid));
  }
  const bindings = await sql.selectFrom('service_bindings').select('guid').where('app_guid', '=', guid).execute();
  await deleteMetadata(sql, [...guids, ...bindings.map((binding) => binding.guid)]);
  await sql.deleteFrom('service_bindings').where('app_guid', '=', guid).execute();
  await sql.deleteFrom('route_destinations').where('app_guid', '=', guid).execute();
  for (const table of owned) await sql.deleteFrom(table).where('app_guid', '=', guid).execute();
  await sql.deleteFrom('processes').where('app_guid', '=', guid).execute();
  await sql.deleteFrom('apps').where('guid', '=', guid).execute();
  await auditApp(unit, app, 'delete-request');
  unit.log(guid, `Deleted app with guid ${app.guid}`);
}
