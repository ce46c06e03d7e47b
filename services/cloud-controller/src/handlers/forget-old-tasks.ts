import { pruneTasks } from '../actions/tasks.ts';
import type { Writer } from '../adapters/sql/writer.ts';

const DAY_MS = 24 * 3_600_000;

/** Tasks that have ended are kept for so long, and no longer (cloud_controller_ng `prune_completed_tasks.rb`). */
export function forgetOldTasks(writer: Writer, retentionDays: number, now: () => Date): Promise<number> {
  const before = new Date(now().getTime() - retentionDays * DAY_MS).toISOString();
  return writer.write((unit) => pruneTasks(unit, before));
}
