import type { Logger } from '@slipway/service-kit';
import { type Platform, sealCredentials } from '../actions/platform.ts';
import { inUse } from '../actions/registry-credential-columns.ts';
import { openRunInfo, sealRunInfo } from '../actions/run-infos.ts';
import { openTaskSpec, sealTaskSpec } from '../actions/task-specs.ts';
import { LIVE_TASK_STATES } from '../adapters/sql/task-rows.ts';
import type { UnitOfWork, Writer } from '../adapters/sql/writer.ts';
import { lrpGuid } from '../domain/lrp/process-guid.ts';
import { purposes } from '../domain/secrets/purposes.ts';

/** After the cells got another key: seals the credentials of what runs to it. Returns of how much they changed. */
export async function resealCredentials(writer: Writer, platform: Platform, logger: Logger): Promise<number> {
  const { vault, cellPublicKey } = platform;
  const changed = await writer.write(async (unit) => {
    const rows = await unit.sql
      .selectFrom('run_infos')
      .innerJoin('droplets', 'droplets.guid', 'run_infos.droplet_guid')
      .select([
        'run_infos.process_guid',
        'run_infos.version',
        'run_infos.run_info',
        'droplets.guid',
        'droplets.username',
        'droplets.password',
      ])
      .where('run_infos.sealed_to', '!=', cellPublicKey)
      .execute();
    for (const row of rows) {
      const credentials = sealCredentials(vault, row, purposes.dropletPassword(row.guid), cellPublicKey);
      const { image, ...rest } = openRunInfo(platform, row.process_guid, row.run_info);
      const { credentials: _, ...withoutCredentials } = image;
      const runInfo = {
        ...rest,
        image: { ...withoutCredentials, ...(credentials === undefined ? {} : { credentials }) },
      };
      await unit.sql
        .updateTable('run_infos')
        .set({ run_info: sealRunInfo(platform, row.process_guid, runInfo), sealed_to: cellPublicKey })
        .where('process_guid', '=', row.process_guid)
        .execute();
      await unit.announce('lrp', lrpGuid(row.process_guid, row.version));
    }
    return rows.length + (await resealTasks(unit, platform)) + (await resealRegistryCredentials(unit, platform));
  });
  if (changed > 0) logger.info({ changed }, 'credentials.resealed');
  return changed;
}

/** Of a droplet that is gone nobody knows them any more; the cell that has the image runs it all the same. */
async function resealTasks(unit: UnitOfWork, platform: Platform): Promise<number> {
  const rows = await unit.sql
    .selectFrom('tasks')
    .innerJoin('droplets', 'droplets.guid', 'tasks.droplet_guid')
    .select(['tasks.guid', 'tasks.spec', 'droplets.guid as droplet_guid', 'droplets.username', 'droplets.password'])
    .where('tasks.state', 'in', LIVE_TASK_STATES)
    .where('tasks.sealed_to', '!=', platform.cellPublicKey)
    .execute();
  for (const row of rows) {
    const { vault, cellPublicKey } = platform;
    const credentials = sealCredentials(vault, row, purposes.dropletPassword(row.droplet_guid), cellPublicKey);
    const { image, ...rest } = openTaskSpec(platform, row);
    const { credentials: _, ...withoutCredentials } = image;
    const spec = { ...rest, image: { ...withoutCredentials, ...(credentials === undefined ? {} : { credentials }) } };
    await unit.sql
      .updateTable('tasks')
      .set({ spec: sealTaskSpec(platform, spec), sealed_to: cellPublicKey })
      .where('guid', '=', row.guid)
      .execute();
    await unit.announce('task', row.guid);
  }
  return rows.length;
}

/** The full pass that follows every start writes them into the records. */
async function resealRegistryCredentials(unit: UnitOfWork, platform: Platform): Promise<number> {
  const rows = await unit.sql
    .selectFrom('registry_credentials')
    .select(['guid', 'username', 'password'])
    .where('sealed_to', '!=', platform.cellPublicKey)
    .execute();
  for (const { guid, username, password } of rows) {
    if (username === null || password === null) continue;
    const plain = platform.vault.decrypt(password, purposes.registryPassword(guid));
    const { cell_credentials, sealed_to } = inUse(platform, guid, { username, password: plain });
    await unit.sql
      .updateTable('registry_credentials')
      .set({ cell_credentials, sealed_to })
      .where('guid', '=', guid)
      .execute();
  }
  return rows.length;
}
