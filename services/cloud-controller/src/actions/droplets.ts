import { deleteMetadata } from '../adapters/sql/metadata-entries.ts';
import type { DropletRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { unprocessable } from '../errors.ts';
import { auditApp } from './audit.ts';
import { lockApp } from './rows.ts';

/**
 * The droplets of an app that must stay: the current one, what runs, and what a deployment starts or goes back to.
 */
export async function dropletsInUse({ sql }: UnitOfWork, appGuid: string): Promise<ReadonlySet<string>> {
  const current = await sql.selectFrom('apps').select('droplet_guid').where('guid', '=', appGuid).execute();
  const running = await sql
    .selectFrom('run_infos')
    .innerJoin('processes', 'processes.guid', 'run_infos.process_guid')
    .select('run_infos.droplet_guid')
    .where('processes.app_guid', '=', appGuid)
    .execute();
  const deployments = await sql
    .selectFrom('deployments')
    .select(['droplet_guid', 'previous_droplet_guid'])
    .where('app_guid', '=', appGuid)
    .where('status_value', '=', 'ACTIVE')
    .execute();
  const guids = [
    ...[...current, ...running].map((row) => row.droplet_guid),
    ...deployments.flatMap((row) => [row.droplet_guid, row.previous_droplet_guid]),
  ];
  return new Set(guids.filter((guid) => guid !== null));
}

/** Revisions that ran it cannot be gone back to any more. Throws 404, and 422 while it is used. */
export async function deleteDroplet(unit: UnitOfWork, row: Pick<DropletRow, 'guid' | 'app_guid'>): Promise<void> {
  const app = await lockApp(unit, row.app_guid);
  if ((await dropletsInUse(unit, app.guid)).has(row.guid)) {
    throw unprocessable(
      'The droplet is currently used: it is the current droplet of its app, or runs, or is deployed.',
    );
  }
  await deleteMetadata(unit.sql, [row.guid]);
  await unit.sql.deleteFrom('droplets').where('guid', '=', row.guid).execute();
  await auditApp(unit, app, 'droplet.delete', { droplet_guid: row.guid });
}
