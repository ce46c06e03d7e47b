import type { DesiredTask } from '@slipway/contracts';
import type { Platform } from '../actions/platform.ts';
import { openTaskSpec } from '../actions/task-specs.ts';
import type { Db, TaskRow } from '../adapters/sql/schema.ts';
import { loadLiveTask, loadLiveTasks } from '../adapters/sql/task-rows.ts';
import { toDesiredTask } from '../domain/task/task-spec.ts';
import type { DesiredSource } from './desired-sync.ts';

/** The tasks that have not ended. */
export function taskSource(db: Db, platform: Pick<Platform, 'vault'>): DesiredSource<DesiredTask> {
  const toRecord = (row: TaskRow): DesiredTask =>
    toDesiredTask(openTaskSpec(platform, row), row.cell_id, row.state === 'CANCELING');
  return {
    load: async (guid) => {
      const row = await loadLiveTask(db, guid);
      return row === undefined ? undefined : toRecord(row);
    },
    loadAll: async function* () {
      for await (const rows of loadLiveTasks(db))
        yield rows.map((row) => ({ guid: row.guid, record: () => toRecord(row) }));
    },
  };
}
