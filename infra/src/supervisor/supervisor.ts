import { OnDemandProcess } from './on-demand-process.ts';
import type { ProcessSpec, ProcessStatus } from './process-spec.ts';
import { type ProcessEvents, SupervisedProcess } from './supervised-process.ts';

/** Cold caches, two slow cores and all services at once. */
const START_DEADLINE_MS = 90_000;

/** Starts processes in the order of their dependencies, keeps them running, and stops them in waves. */
export class Supervisor {
  readonly #processes: ReadonlyMap<string, SupervisedProcess | OnDemandProcess>;
  #stopped: Promise<void> | undefined;

  /** Throws for a dependency that is not among `specs`, and for a cycle. */
  constructor(specs: readonly ProcessSpec[], events: (name: string) => ProcessEvents) {
    assertStartable(specs);
    this.#processes = new Map(
      specs.map((spec) => {
        const own = events(spec.name);
        const { door } = spec;
        return [
          spec.name,
          door === undefined ? new SupervisedProcess(spec, own) : new OnDemandProcess(spec, door, own),
        ];
      }),
    );
  }

  get statuses(): readonly ProcessStatus[] {
    return [...this.#processes.values()].map((supervised) => supervised.status);
  }

  /**
   * Resolves when all are ready. Throws the reason of the first that is not, or of the signal; what was started until
   * then still runs: call `stop`.
   */
  async start(signal: AbortSignal): Promise<void> {
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    const starts = new Map<string, Promise<void>>();
    const startOf = (name: string): Promise<void> => {
      const known = starts.get(name);
      if (known !== undefined) return known;
      const supervised = this.#processes.get(name) as SupervisedProcess | OnDemandProcess;
      const started = (async () => {
        await Promise.all(supervised.spec.dependsOn.map(startOf));
        await supervised.start(START_DEADLINE_MS, either);
      })();
      starts.set(name, started);
      return started;
    };
    const all = [...this.#processes.keys()].map(startOf);
    try {
      await Promise.all(all);
    } catch (error) {
      failed.abort(error);
      // No start may go on behind the back of the stop that follows.
      await Promise.allSettled(all);
      throw error;
    }
  }

  /** Idempotent. Resolves when every process is gone. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stopInWaves();
    return this.#stopped;
  }

  async #stopInWaves(): Promise<void> {
    const all = [...this.#processes.values()];
    const waves = [...new Set(all.map(({ spec }) => spec.stopWave))].sort((a, b) => a - b);
    for (const wave of waves) {
      await Promise.all(all.filter(({ spec }) => spec.stopWave === wave).map((supervised) => supervised.stop()));
    }
  }
}

function assertStartable(specs: readonly ProcessSpec[]): void {
  const done = new Set<string>();
  let left = [...specs];
  while (left.length > 0) {
    const startable = left.filter((spec) => spec.dependsOn.every((name) => done.has(name)));
    if (startable.length === 0) {
      const stuck = left.map((spec) => `${spec.name} needs ${spec.dependsOn.filter((d) => !done.has(d)).join(', ')}`);
      throw new Error(`these processes can never be started: ${stuck.join('; ')}`);
    }
    for (const spec of startable) done.add(spec.name);
    left = left.filter((spec) => !done.has(spec.name));
  }
}
