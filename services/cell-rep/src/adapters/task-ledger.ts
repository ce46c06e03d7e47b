import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { guidSchema, type TaskState, taskStateSchema, timeSchema } from '@slipway/contracts';
import type { Logger } from '@slipway/service-kit';
import { z } from 'zod';
import { claimTask, startTask } from '../domain/task-state.ts';

const SUFFIX = '.json';
/** So long an entry is kept after nobody asked for it any more: a bucket that is older than it should be may ask again. */
const REMEMBER_MS = 24 * 3_600_000;

const entrySchema = z.object({ v: z.literal(1), state: taskStateSchema, retiredAt: timeSchema.optional() });
type Entry = z.infer<typeof entrySchema>;

/**
 * Which tasks were started on this cell and what came of them, on disk before anybody is told: that is why a rep that was
 * killed at any moment starts none twice and loses no result. One file for each task; this rep is the only writer.
 */
export class TaskLedger {
  readonly #dir: string;
  readonly #entries: Map<string, Entry>;

  private constructor(dir: string, entries: Map<string, Entry>) {
    this.#dir = dir;
    this.#entries = entries;
  }

  /** An entry that cannot be read tells all the same that the task was started. What never got its name is dropped. */
  static open(dataDir: string, cellId: string, logger: Logger): TaskLedger {
    const dir = join(dataDir, 'tasks');
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const entries = new Map<string, Entry>();
    for (const name of readdirSync(dir)) {
      const guid = guidSchema.safeParse(name.slice(0, -SUFFIX.length)).data;
      if (!name.endsWith(SUFFIX) || guid === undefined) {
        rmSync(join(dir, name), { force: true });
        logger.info({ name }, 'task-ledger.leftover-removed');
        continue;
      }
      const entry = readEntry(join(dir, name));
      if (entry === undefined) logger.error({ taskGuid: guid }, 'task-ledger.unreadable');
      entries.set(guid, entry ?? { v: 1, state: startTask(claimTask({ taskGuid: guid }, cellId, 0), 0) });
    }
    const ledger = new TaskLedger(dir, entries);
    ledger.prune(Date.now());
    return ledger;
  }

  get(taskGuid: string): TaskState | undefined {
    return this.#entries.get(taskGuid)?.state;
  }

  /** What somebody may still ask for. */
  get current(): readonly TaskState[] {
    return [...this.#entries.values()].flatMap(({ state, retiredAt }) => (retiredAt === undefined ? [state] : []));
  }

  /** On disk when it returns. */
  write(state: TaskState): void {
    this.#save({ v: 1, state });
  }

  /** Nobody asks for it any more. What is not in it was never started, and needs no remembering. */
  retire(taskGuid: string, now: number): void {
    const entry = this.#entries.get(taskGuid);
    if (entry !== undefined) this.#save({ ...entry, retiredAt: new Date(now).toISOString() });
  }

  prune(now: number): void {
    for (const [guid, { retiredAt }] of this.#entries) {
      if (retiredAt === undefined || now - Date.parse(retiredAt) < REMEMBER_MS) continue;
      rmSync(this.#path(guid), { force: true });
      this.#entries.delete(guid);
    }
  }

  #save(entry: Entry): void {
    const { taskGuid } = entry.state;
    const path = this.#path(taskGuid);
    const temporary = `${path}.new`;
    const file = openSync(temporary, 'w', 0o600);
    try {
      writeSync(file, JSON.stringify(entry));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    const directory = openSync(this.#dir, 'r');
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
    this.#entries.set(taskGuid, entry);
  }

  #path(taskGuid: string): string {
    return join(this.#dir, `${taskGuid}${SUFFIX}`);
  }
}

function readEntry(path: string): Entry | undefined {
  const text = readFileSync(path, 'utf8');
  try {
    return entrySchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
