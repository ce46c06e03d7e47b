import { deleteMetadata } from '../adapters/sql/metadata-entries.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { auditApp } from './audit.ts';
import { deletePoliciesOf } from './network-policies.ts';
import { endVersion } from './process-versions.ts';
import { auditDestination } from './routes.ts';
import { lockApp, processesOf } from './rows.ts';
import { unbindService } from './service-bindings.ts';
import { deleteSidecarsOf } from './sidecars.ts';
import { deleteTasksOf } from './tasks.ts';

/**
 * An app with all that is its own: processes, packages, builds, droplets, and the mappings of routes to it, but not the
 * routes. Throws 404.
 */
export async function deleteApp(unit: UnitOfWork, guid: string): Promise<void> {
  const { sql } = unit;
  const app = await lockApp(unit, guid);
  const processes = await processesOf(unit, guid);
  for (const process of processes) await endVersion(unit, process);
  await deleteTasksOf(unit, app);
  await deletePoliciesOf(unit, guid);
  const owned = ['builds', 'packages', 'droplets', 'deployments', 'revisions'] as const;
  const guids = [guid, ...processes.map((process) => process.guid)];
  for (const table of owned) {
    const rows = await sql.selectFrom(table).select('guid').where('app_guid', '=', guid).execute();
    guids.push(...rows.map((row) => row.guid));
  }
  const bindings = await sql.selectFrom('service_bindings').selectAll().where('app_guid', '=', guid).execute();
  for (const binding of bindings) await unbindService(unit, binding);
  await deleteMetadata(sql, guids);
  const mapped = sql.deleteFrom('route_destinations').where('app_guid', '=', guid);
  for (const destination of await mapped.returningAll().execute()) {
    await auditDestination(unit, 'unmap-route', destination);
  }
  for (const table of owned) await sql.deleteFrom(table).where('app_guid', '=', guid).execute();
  await deleteSidecarsOf(sql, guid);
  await sql.deleteFrom('processes').where('app_guid', '=', guid).execute();
  await sql.deleteFrom('apps').where('guid', '=', guid).execute();
  await auditApp(unit, app, 'delete-request');
  unit.log(guid, `Deleted app with guid ${app.guid}`);
}
