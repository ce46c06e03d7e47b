import { asGardenError, type GardenError } from '../errors.ts';
import type { ContainerRecord } from './container-record.ts';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

export interface StuckOptions {
  readonly destroy: (handle: string, record: ContainerRecord | undefined) => Promise<void>;
  readonly onGone: (handle: string, record: ContainerRecord | undefined) => void;
  readonly onProblem: (error: GardenError) => void;
}

/**
 * Containers that nobody can use and that could not be removed, because something hung. What they have stays taken, and
 * their removal is tried again, less and less often, until they are gone.
 */
export class StuckContainers {
  readonly #options: StuckOptions;
  readonly #records = new Map<string, ContainerRecord | undefined>();
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(options: StuckOptions) {
    this.#options = options;
  }

  has(handle: string): boolean {
    return this.#records.has(handle);
  }

  /** Of those whose record could be read. */
  get records(): readonly ContainerRecord[] {
    return [...this.#records.values()].filter((record) => record !== undefined);
  }

  /** `error`: what its removal failed with. */
  add(handle: string, record: ContainerRecord | undefined, error: unknown): void {
    this.#records.set(handle, record);
    this.#failed(handle, error, FIRST_PAUSE_MS);
  }

  /** Somebody else has removed it. */
  settle(handle: string): void {
    if (!this.#records.has(handle)) return;
    clearTimeout(this.#timers.get(handle));
    this.#timers.delete(handle);
    const record = this.#records.get(handle);
    this.#records.delete(handle);
    this.#options.onGone(handle, record);
  }

  get handles(): readonly string[] {
    return [...this.#records.keys()];
  }

  /** Tries no more; the next that opens the cell finds them. */
  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #failed(handle: string, error: unknown, pauseMs: number): void {
    const what = `${handle} could not be removed, and is tried again in ${pauseMs} ms`;
    this.#options.onProblem(asGardenError(error, 'CELL_STATE_FAILED', 'delete', what));
    const timer = setTimeout(() => void this.#retry(handle, pauseMs), pauseMs);
    timer.unref();
    this.#timers.set(handle, timer);
  }

  async #retry(handle: string, pauseMs: number): Promise<void> {
    try {
      await this.#options.destroy(handle, this.#records.get(handle));
      this.settle(handle);
    } catch (error) {
      // Not when it was closed, or another removed it meanwhile.
      if (this.#timers.has(handle)) this.#failed(handle, error, Math.min(pauseMs * 2, LONGEST_PAUSE_MS));
    }
  }
}
