import type { Logger } from '@slipway/service-kit';
import { finishTask, settleTask } from '../actions/tasks.ts';
import type { TaskReports } from '../adapters/nats/task-reports.ts';
import type { Writer } from '../adapters/sql/writer.ts';
import { EXPIRY, expiredBefore, type TaskReport } from '../domain/task/task-state.ts';

const NOTHING: TaskReport = { placement: undefined, states: [] };

/**
 * Writes into SQL what the scheduler and the cells say of tasks: which cell has it, and what came of it. What cannot be
 * written waits, and a report that was seen before, or after the task's end, changes nothing.
 */
export class TaskUpdater {
  readonly #writer: Writer;
  readonly #logger: Logger;
  readonly #waiting = new Set<string>();
  #reports: TaskReports | undefined;

  constructor(writer: Writer, logger: Logger) {
    this.#writer = writer;
    this.#logger = logger;
  }

  attach(reports: TaskReports): void {
    this.#reports = reports;
  }

  /** Something new is said of it. */
  see(taskGuid: string): void {
    this.#waiting.add(taskGuid);
  }

  /** Whatever waits; and what waited for a cell for too long is given up. */
  async update(now: () => Date): Promise<void> {
    // Reports come while they are being opened, and can only be read after.
    for (const guid of this.#reports === undefined ? [] : [...this.#waiting]) {
      this.#waiting.delete(guid);
      try {
        await this.settle(guid);
      } catch (error) {
        this.#waiting.add(guid);
        throw error;
      }
    }
    const before = expiredBefore(now());
    await this.#writer.write(async (unit) => {
      const rows = await unit.sql
        .selectFrom('tasks')
        .selectAll()
        .where('state', '=', 'PENDING')
        .where('cell_id', 'is', null)
        .where('created_at', '<', before)
        .execute();
      for (const row of rows) await finishTask(unit, row, EXPIRY);
    });
  }

  /** One task, by what is said of it now. */
  async settle(guid: string): Promise<void> {
    const report = this.#reports?.reportOf(guid) ?? NOTHING;
    const step = await this.#writer.write((unit) => settleTask(unit, guid, report));
    if (step.kind !== 'none') this.#logger.info({ taskGuid: guid, ...step }, 'task.settled');
  }
}
