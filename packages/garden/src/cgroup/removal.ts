import { existsSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { asGardenError } from '../errors.ts';
import { DEFAULT_DEADLINES, pastDeadline } from '../runtime/deadlines.ts';
import { loopTurn } from '../sys/loop-turn.ts';
import { identifyProcess, signalProcess } from '../sys/processes.ts';
import { errnoCode } from '../sys/sys-error.ts';
import type { CgroupHierarchies } from './hierarchy.ts';

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 100;

function subgroups(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((each) => each.isDirectory())
      .map((each) => each.name);
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Names of the cgroups directly below `path`, in any hierarchy. */
export function listCgroups(hierarchies: CgroupHierarchies, path: string): readonly string[] {
  return [...new Set(hierarchies.mounts.flatMap((mount) => subgroups(join(mount.path, path))))];
}

/** Kills what is in a cgroup and removes it from every hierarchy, with what is below it; fine when there is none. */
export async function removeCgroup(
  hierarchies: CgroupHierarchies,
  path: string,
  deadlineMs: number = DEFAULT_DEADLINES.endMs,
): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  let pause = FIRST_PAUSE_MS;
  try {
    for (;;) {
      await loopTurn();
      const directories = hierarchies.mounts
        .map((mount) => join(mount.path, path))
        .filter((directory) => existsSync(directory));
      if (directories.length === 0) return;
      for (const directory of directories) killAll(directory);
      if (directories.filter((directory) => !tryRemove(directory)).length === 0) return;
      if (Date.now() > deadline) {
        const what = `the end of the processes of the cgroup ${path}`;
        throw pastDeadline({ step: 'delete:cgroup', phase: 'delete', what }, deadlineMs);
      }
      // The kernel has no event for a v1 cgroup that empties.
      await delay(pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  } catch (error) {
    throw asGardenError(error, 'CGROUP_FAILED', 'delete', `The cgroup ${path} could not be removed`);
  }
}

/** Removes a cgroup that holds nothing, and leaves one that does. */
export function removeIfEmpty(hierarchies: CgroupHierarchies, path: string): void {
  for (const mount of hierarchies.mounts) {
    try {
      rmdirSync(join(mount.path, path));
    } catch (error) {
      const code = errnoCode(error);
      if (code !== 'ENOENT' && code !== 'EBUSY') {
        throw asGardenError(error, 'CGROUP_FAILED', 'teardown', `The cgroup ${path} could not be removed`);
      }
    }
  }
}

function killAll(directory: string): void {
  for (const name of subgroups(directory)) killAll(join(directory, name));
  const kill = join(directory, 'cgroup.kill');
  if (existsSync(kill)) writeFileSync(kill, '1');
  for (const pid of processes(directory)) {
    const process = identifyProcess(pid);
    if (process !== undefined) signalProcess(process, 'SIGKILL');
  }
}

function processes(directory: string): number[] {
  try {
    return readFileSync(join(directory, 'cgroup.procs'), 'latin1').split('\n').filter(Boolean).map(Number);
  } catch (error) {
    const code = errnoCode(error);
    if (code === 'ENOENT' || code === 'ENODEV') return [];
    throw error;
  }
}

/** False when something is still in it. */
function tryRemove(directory: string): boolean {
  for (const name of subgroups(directory)) {
    if (!tryRemove(join(directory, name))) return false;
  }
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    const code = errnoCode(error);
    if (code === 'ENOENT') return true;
    if (code === 'EBUSY') return false;
    throw error;
  }
}
