import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { asGardenError } from '../errors.ts';
import { errnoCode } from '../sys/sys-error.ts';
import { type CgroupHierarchies, mountOf } from './hierarchy.ts';

/** What the processes of a cgroup use. */
export interface CgroupFigures {
  /** Memory that it could not do without: usage less the file cache that the kernel would drop first. Bytes. */
  readonly memoryBytes: number;
  /** Memory with all of its file cache. */
  readonly memoryUsageBytes: number;
  /** Undefined when there is none. */
  readonly memoryLimitBytes: number | undefined;
  /** Processor time since the start, nanoseconds. */
  readonly cpuNs: bigint;
  /** Processes and threads. */
  readonly pids: number;
}

/** The value of `key` in a file of `key value` lines; undefined without such a line. */
export function keyed(text: string, key: string): number | undefined {
  const line = text.split('\n').find((each) => each.startsWith(`${key} `));
  const value = Number(line?.slice(key.length + 1));
  return line === undefined || Number.isNaN(value) ? undefined : value;
}

/** A limit: `max`, or on v1 a number of pages near the largest there is, is none. */
export function limit(text: string): number | undefined {
  const value = Number(text.trim());
  return Number.isNaN(value) || value >= 2 ** 62 ? undefined : value;
}

/** The figures of the cgroup `path`; undefined when there is no such cgroup (any more). */
export function readStats(hierarchies: CgroupHierarchies, path: string): CgroupFigures | undefined {
  const v1 = hierarchies.version === 1;
  const read = (controller: string, file: string): string =>
    readFileSync(join(mountOf(hierarchies, controller) ?? '/', path, file), 'latin1');
  try {
    const usage = Number(read('memory', v1 ? 'memory.usage_in_bytes' : 'memory.current'));
    const inactive = keyed(read('memory', 'memory.stat'), v1 ? 'total_inactive_file' : 'inactive_file') ?? 0;
    const cpuNs = v1
      ? BigInt(read('cpuacct', 'cpuacct.usage').trim())
      : BigInt(keyed(read('cpu', 'cpu.stat'), 'usage_usec') ?? 0) * 1000n;
    return {
      memoryBytes: Math.max(0, usage - inactive),
      memoryUsageBytes: usage,
      memoryLimitBytes: limit(read('memory', v1 ? 'memory.limit_in_bytes' : 'memory.max')),
      cpuNs,
      pids: Number(read('pids', 'pids.current')),
    };
  } catch (error) {
    const code = errnoCode(error);
    if (code === 'ENOENT' || code === 'ENODEV') return undefined;
    throw asGardenError(error, 'CGROUP_FAILED', 'stats', `The cgroup ${path} could not be read`);
  }
}

/** How many processes of the cgroup the kernel has killed for want of memory; 0 when there is no such cgroup. */
export function readOomKills(hierarchies: CgroupHierarchies, path: string): number {
  const file = hierarchies.version === 1 ? 'memory.oom_control' : 'memory.events';
  try {
    return keyed(readFileSync(join(mountOf(hierarchies, 'memory') ?? '/', path, file), 'latin1'), 'oom_kill') ?? 0;
  } catch (error) {
    const code = errnoCode(error);
    if (code === 'ENOENT' || code === 'ENODEV') return 0;
    throw asGardenError(error, 'CGROUP_FAILED', 'stats', `The cgroup ${path} could not be read`);
  }
}
