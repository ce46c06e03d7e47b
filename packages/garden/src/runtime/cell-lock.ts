import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { asGardenError, GardenError } from '../errors.ts';
import { tryLock } from '../sys/files.ts';
import type { CellPaths } from './cell-paths.ts';

/**
 * A rep that is killed while it starts a program leaves its locks to that child until the child has become the program.
 * On a busy machine that takes a moment, and the next rep is already there.
 */
const PATIENCE_MS = 3_000;
const POLL_MS = 10;

/**
 * One process for each data directory, and one for each cell of the machine: cells of one name would take each other's
 * containers, links and cgroups for leftovers of their own.
 * @returns open files; the locks last until `closeAll`
 * @throws GardenError CELL_LOCKED
 */
export async function lockCell(cell: string, paths: CellPaths): Promise<readonly number[]> {
  const fds: number[] = [];
  try {
    paths.make();
    fds.push(openSync(paths.lock, 'w', 0o600));
    await take(fds.at(-1) as number, `Another process has the cell in ${paths.dataDir} open`);
    fds.push(openSync(paths.runDir, 'r'));
    await take(fds.at(-1) as number, `Another cell called ${cell} is open on this machine`);
    return fds;
  } catch (error) {
    closeAll(fds);
    throw asGardenError(error, 'CELL_STATE_FAILED', 'open', `The cell's directory ${paths.dataDir} cannot be used`);
  }
}

async function take(fd: number, taken: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!tryLock(fd)) {
    if (performance.now() > deadline) throw new GardenError('CELL_LOCKED', 'open', taken);
    await delay(POLL_MS);
  }
}

export function closeAll(fds: readonly number[]): void {
  for (const fd of fds) closeSync(fd);
}
