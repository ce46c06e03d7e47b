import type { DesiredLrp } from '@slipway/contracts';
import type { Platform } from '../actions/platform.ts';
import { openRunInfo } from '../actions/run-infos.ts';
import { type LrpRow, loadAllLrps, loadLrp } from '../adapters/sql/lrp-rows.ts';
import type { Db } from '../adapters/sql/schema.ts';
import { lrpGuid } from '../domain/lrp/process-guid.ts';
import { toDesiredLrp } from '../domain/lrp/run-info.ts';
import type { DesiredSource } from './desired-sync.ts';

/** The processes that shall run. */
export function lrpSource(db: Db, platform: Pick<Platform, 'vault'>): DesiredSource<DesiredLrp> {
  const toRecord = ({ processGuid, runInfo, state }: LrpRow): DesiredLrp =>
    toDesiredLrp(openRunInfo(platform, processGuid, runInfo), state);
  return {
    load: async (guid) => {
      const row = await loadLrp(db, guid);
      return row === undefined ? undefined : toRecord(row);
    },
    loadAll: async function* () {
      for await (const page of loadAllLrps(db)) {
        yield page.map((row) => ({ guid: lrpGuid(row.processGuid, row.version), record: () => toRecord(row) }));
      }
    },
  };
}
