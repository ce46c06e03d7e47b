import { rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { removeCgroup } from '../cgroup/removal.ts';
import { releaseDisk } from '../disk/release-disk.ts';
import { asGardenError } from '../errors.ts';
import { releaseKeeper } from '../rootfs/keeper.ts';
import { unmountRootfs } from '../rootfs/rootfs.ts';
import { loopTurn } from '../sys/loop-turn.ts';
import { type ProcessIdentity, signalProcess } from '../sys/processes.ts';
import { removeTree } from '../sys/remove-tree.ts';
import { errnoCode } from '../sys/sys-error.ts';
import type { CellContext } from './cell-context.ts';
import { killServingProcesses } from './cell-processes.ts';
import { pastDeadline } from './deadlines.ts';

/** What is known of a container that is to go. Its handle is enough to find all but its link and processes. */
export interface Remains {
  readonly handle: string;
  /** Its conmon, keeper and init; undefined when they are not all known and have to be looked for. */
  readonly processes: readonly ProcessIdentity[] | undefined;
  readonly hostDevice: string | undefined;
}

/**
 * Removes all that there is of a container, whatever state it was left in and however much of it was removed before.
 * Its directory with its record goes last, so that a process killed meanwhile leaves what the next needs to go on.
 */
export async function destroyContainer(context: CellContext, remains: Remains): Promise<void> {
  const { handle } = remains;
  const paths = context.paths.container(handle);
  const { onStep: step, deadlines } = context;
  try {
    await loopTurn();
    step('delete:processes', handle);
    context.exits.forget(handle);
    // conmon and what it is about to create first: nothing can then appear that was not there before.
    if (remains.processes === undefined) await killServingProcesses(context.paths.containers, handle, deadlines.endMs);
    else for (const process of remains.processes) signalProcess(process, 'SIGKILL');
    releaseKeeper(paths.release);
    step('delete:cgroup', handle);
    await removeCgroup(context.cgroups, join(context.cgroupParent, handle), deadlines.endMs);
    rmSync(paths.runcState, { recursive: true, force: true });
    await loopTurn();
    step('delete:network', handle);
    if (remains.hostDevice !== undefined) context.network.disconnect(remains.hostDevice);
    await loopTurn();
    step('delete:rootfs', handle);
    unmountRootfs(paths);
    removeDirectory(paths.mountPoint);
    removeDirectory(paths.rootfsDir);
    rmSync(paths.exitFile, { force: true });
    await loopTurn();
    step('delete:disk', handle);
    await releaseDisk(paths);
    step('delete:files', handle);
    await removeFiles(paths.dir, deadlines.removeMs);
  } catch (error) {
    throw asGardenError(error, 'CELL_STATE_FAILED', 'delete', `The container ${handle} could not be removed`);
  }
}

async function removeFiles(dir: string, deadlineMs: number): Promise<void> {
  try {
    await removeTree(dir, AbortSignal.timeout(deadlineMs));
  } catch (error) {
    if (!(error instanceof Error && error.name === 'AbortError')) throw error;
    throw pastDeadline({ step: 'delete:files', phase: 'delete', what: `rm of ${dir}` }, deadlineMs, error);
  }
}

function removeDirectory(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if (errnoCode(error) !== 'ENOENT') throw error;
  }
}
