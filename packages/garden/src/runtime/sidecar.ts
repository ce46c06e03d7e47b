import { closeSync } from 'node:fs';
import { type ProcessIdentity, signalProcess } from '../sys/processes.ts';
import type { CellContext } from './cell-context.ts';
import { execBelowConmon } from './conmon.ts';
import type { ContainerExit, SidecarRecord } from './container-record.ts';
import { openLogs } from './create-container.ts';
import { ExitWatcher } from './exit-watcher.ts';

/** A process beside the app of a container. It ends with the app at the latest. */
export class Sidecar {
  readonly name: string;
  /** Resolves when it has ended, at once when it had before; never when its container is deleted first. */
  readonly exited: Promise<ContainerExit>;
  readonly #resolveExit: (exit: ContainerExit) => void;
  #process: ProcessIdentity | null = null;
  #watcher: ExitWatcher | undefined;

  constructor(name: string) {
    this.name = name;
    const { promise, resolve } = Promise.withResolvers<ContainerExit>();
    this.exited = promise;
    this.#resolveExit = resolve;
  }

  /** Waits for the end of what was started, now or by an earlier rep. */
  observe(handle: string, record: SidecarRecord, exitDir: string, outOfMemory: () => boolean): void {
    this.#process = record.process;
    const watcher = new ExitWatcher(exitDir);
    this.#watcher = watcher;
    watcher.watch(handle, { init: record.process, conmon: record.conmon }, ({ status, at }) => {
      watcher.close();
      this.#resolveExit({ status, outOfMemory: outOfMemory(), at: at.toISOString() });
    });
  }

  /** False when it has ended, or does not run yet. */
  signal(signal: NodeJS.Signals | number): boolean {
    return this.#process !== null && signalProcess(this.#process, signal);
  }

  /** Waits no longer. */
  close(): void {
    this.#watcher?.close();
  }
}

/**
 * Starts a container's sidecars, which its files were made for, up to the first that cannot be started.
 * @param needed when one could not: whether that matters
 * @throws GardenError RUNTIME_FAILED, RUNTIME_TIMEOUT
 */
export async function startSidecars(
  context: CellContext,
  handle: string,
  records: readonly SidecarRecord[],
  needed: () => Promise<boolean>,
): Promise<SidecarRecord[]> {
  const started = [...records];
  try {
    for (const [index, { name }] of records.entries()) {
      started[index] = await startSidecar(context, handle, name, index);
    }
  } catch (error) {
    if (await needed()) throw error;
  }
  return started;
}

async function startSidecar(
  { programs, deadlines, paths: cell }: CellContext,
  handle: string,
  name: string,
  index: number,
): Promise<SidecarRecord> {
  const paths = cell.container(handle);
  const sidecar = paths.sidecar(index);
  const log = openLogs(sidecar);
  try {
    const fds = { stdoutFd: log.stdout, stderrFd: log.stderr };
    const order = { handle, programs, runcRoot: cell.runcRoot, paths, sidecar, deadlineMs: deadlines.startMs };
    const started = await execBelowConmon({ ...order, ...fds });
    return { name, ...started };
  } finally {
    closeSync(log.stdout);
    closeSync(log.stderr);
  }
}
