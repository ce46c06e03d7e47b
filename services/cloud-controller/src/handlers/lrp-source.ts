import type { DesiredLrp } from '@slipway/contracts';
import type { Platform } from '../actions/platform.ts';
import { PullCredentials } from '../actions/pull-credentials.ts';
import { openRunInfo } from '../actions/run-infos.ts';
import { type LrpRow, loadAllLrps, loadLrp } from '../adapters/sql/lrp-rows.ts';
import type { Db } from '../adapters/sql/schema.ts';
import { SpaceEgress } from '../adapters/sql/security-group-rows.ts';
import { lrpGuid } from '../domain/lrp/process-guid.ts';
import { toDesiredLrp } from '../domain/lrp/run-info.ts';
import type { DesiredSource } from './desired-sync.ts';

/** The processes that shall run, with what their images are pulled with now. */
export function lrpSource(db: Db, platform: Pick<Platform, 'vault'>): DesiredSource<DesiredLrp> {
  const open = ({ processGuid, runInfo, state }: LrpRow): DesiredLrp =>
    toDesiredLrp(openRunInfo(platform, processGuid, runInfo), state);
  const complete = (lrp: DesiredLrp, pull: PullCredentials, egress: SpaceEgress): DesiredLrp => ({
    ...lrp,
    egress: egress.of(lrp.app.spaceGuid),
    image: pull.complete(platform, lrp.app, lrp.image),
  });
  return {
    load: async (guid) => {
      const row = await loadLrp(db, guid);
      if (row === undefined) return undefined;
      const lrp = open(row);
      return complete(lrp, await PullCredentials.load(db, lrp.app), await SpaceEgress.load(db, lrp.app));
    },
    loadAll: async function* () {
      const [pull, egress] = [await PullCredentials.load(db), await SpaceEgress.load(db)];
      for await (const page of loadAllLrps(db)) {
        yield page.map((row) => ({
          guid: lrpGuid(row.processGuid, row.version),
          record: () => complete(open(row), pull, egress),
        }));
      }
    },
  };
}
