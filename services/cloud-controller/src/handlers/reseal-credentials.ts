import type { Logger } from '@slipway/service-kit';
import { type Platform, sealCredentials } from '../actions/platform.ts';
import { openRunInfo, sealRunInfo } from '../actions/run-infos.ts';
import type { Writer } from '../adapters/sql/writer.ts';
import { lrpGuid } from '../domain/lrp/process-guid.ts';
import { purposes } from '../domain/secrets/purposes.ts';

/** After the cells got another key: seals the credentials of what runs to it. Returns how many versions changed. */
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
    return rows.length;
  });
  if (changed > 0) logger.info({ changed }, 'credentials.resealed');
  return changed;
}
