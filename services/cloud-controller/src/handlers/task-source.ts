import type { DesiredTask } from '@slipway/contracts';
import type { Platform } from '../actions/platform.ts';
import { PullCredentials } from '../actions/pull-credentials.ts';
import { openTaskSpec } from '../actions/task-specs.ts';
import type { Db, TaskRow } from '../adapters/sql/schema.ts';
import { SpaceEgress } from '../adapters/sql/security-group-rows.ts';
import { loadLiveTask, loadLiveTasks } from '../adapters/sql/task-rows.ts';
import { toDesiredTask } from '../domain/task/task-spec.ts';
import type { DesiredSource } from './desired-sync.ts';

/** The tasks that have not ended, with what their images are pulled with now. */
export function taskSource(db: Db, platform: Pick<Platform, 'vault'>): DesiredSource<DesiredTask> {
  const open = (row: TaskRow): DesiredTask =>
    toDesiredTask(openTaskSpec(platform, row), row.cell_id, row.state === 'CANCELING');
  const complete = (task: DesiredTask, pull: PullCredentials, egress: SpaceEgress): DesiredTask => ({
    ...task,
    egress: egress.of(task.app.spaceGuid),
    image: pull.complete(platform, task.app, task.image),
  });
  return {
    load: async (guid) => {
      const row = await loadLiveTask(db, guid);
      if (row === undefined) return undefined;
      const task = open(row);
      return complete(task, await PullCredentials.load(db, task.app), await SpaceEgress.load(db, task.app));
    },
    loadAll: async function* () {
      const [pull, egress] = [await PullCredentials.load(db), await SpaceEgress.load(db)];
      for await (const rows of loadLiveTasks(db))
        yield rows.map((row) => ({ guid: row.guid, record: () => complete(open(row), pull, egress) }));
    },
  };
}
