import { type FSWatcher, readFileSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { asGardenError } from '../errors.ts';
import { isAlive, type ProcessIdentity } from '../sys/processes.ts';
import { errnoCode } from '../sys/sys-error.ts';

/** How often processes are looked at that may have ended without a word, as when conmon itself was killed. */
const LOOK_MS = 2_000;

/** How a container's init ended; `status` is null when conmon was not there to see it. */
export interface ObservedExit {
  readonly status: number | null;
  readonly at: Date;
}

/** The processes of a container; null where it is not known. */
export interface WatchedProcesses {
  readonly init: ProcessIdentity | null;
  readonly conmon: ProcessIdentity | null;
}

interface Watched {
  readonly processes: WatchedProcesses;
  readonly tell: (exit: ObservedExit) => void;
}

/** Tells of the exit statuses that conmon leaves in a directory. */
export class ExitWatcher {
  readonly #dir: string;
  readonly #watched = new Map<string, Watched>();
  readonly #watcher: FSWatcher;
  readonly #timer: NodeJS.Timeout;

  constructor(dir: string) {
    this.#dir = dir;
    try {
      this.#watcher = watch(dir, (_, name) => {
        if (name === null) this.#look();
        else this.#check(name);
      });
    } catch (error) {
      throw asGardenError(error, 'CELL_STATE_FAILED', 'open', `The exit directory ${dir} could not be watched`);
    }
    // Whatever goes wrong with it, the timer sees the exits too.
    this.#watcher.on('error', () => this.#watcher.close());
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  /**
   * Calls `tell` once, soon, when the container has ended. With init and conmon gone and no status left, the status is
   * lost.
   */
  watch(handle: string, processes: WatchedProcesses, tell: (exit: ObservedExit) => void): void {
    this.#watched.set(handle, { processes, tell });
    setImmediate(() => this.#check(handle));
  }

  forget(handle: string): void {
    this.#watched.delete(handle);
  }

  close(): void {
    this.#watcher.close();
    clearInterval(this.#timer);
    this.#watched.clear();
  }

  #look(): void {
    for (const handle of [...this.#watched.keys()]) this.#check(handle);
  }

  #check(handle: string): void {
    const watched = this.#watched.get(handle);
    if (watched === undefined) return;
    const { init, conmon } = watched.processes;
    if (init !== null && isAlive(init)) return;
    // Looked at before the file: conmon writes it before it ends.
    const gone = conmon === null || !isAlive(conmon);
    const exit = this.#read(handle) ?? (gone ? { status: null, at: new Date() } : undefined);
    if (exit === undefined) return;
    this.#watched.delete(handle);
    watched.tell(exit);
  }

  #read(handle: string): ObservedExit | undefined {
    const path = join(this.#dir, handle);
    try {
      const text = readFileSync(path, 'latin1').trim();
      return { status: /^\d+$/.test(text) ? Number(text) : null, at: statSync(path).mtime };
    } catch (error) {
      if (errnoCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }
}
