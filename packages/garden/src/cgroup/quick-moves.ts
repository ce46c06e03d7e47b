import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CgroupHierarchies } from './hierarchy.ts';

/** Less than a grace period, so that the kernel does not fall back in between. */
const AGAIN_MS = 4;

/** The file that a process moves itself with, of the cgroup of the last hierarchy in which it is; from /proc/self/cgroup. */
export function ownProcs({ mounts }: CgroupHierarchies, ownCgroups: string): string | undefined {
  const mount = mounts.at(-1);
  const name = mount?.controllers.join(',');
  for (const line of ownCgroups.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (mount !== undefined && path !== undefined && controllers === name)
      return join(mount.path, path, 'cgroup.procs');
  }
  return undefined;
}

/**
 * While `work` goes on, processes can be put into cgroups without a wait. Before the first such move after a pause the kernel
 * waits for an RCU grace period, 5 to 15 ms (rcu_sync of cgroup_threadgroup_rwsem), before those that follow soon it does
 * not. So this process is moved, again and again, to where it is, which changes nothing but that the grace period is over
 * when the runtime comes to its own moves. Where that is not allowed those moves only take their time.
 */
export async function withQuickMoves<T>(hierarchies: CgroupHierarchies, work: () => Promise<T>): Promise<T> {
  const procs = ownProcs(hierarchies, readFileSync('/proc/self/cgroup', 'latin1'));
  const over = new AbortController();
  if (procs !== undefined) void keepMoving(procs, over.signal);
  try {
    return await work();
  } finally {
    over.abort();
  }
}

async function keepMoving(procs: string, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    try {
      await writeFile(procs, String(process.pid));
    } catch {
      return;
    }
    await delay(AGAIN_MS);
  }
}
