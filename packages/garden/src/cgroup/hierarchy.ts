import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GardenError } from '../errors.ts';

/** One mounted cgroup file system. The unified one of v2 has controllers of its own accord: all that are enabled. */
export interface CgroupMount {
  readonly path: string;
  /** Names of v1 controllers; `name=systemd` for a named one; none for v2. */
  readonly controllers: readonly string[];
}

/** The machine's cgroups: v2 alone, or v1 (perhaps with a v2 mount beside it that has no controllers: "hybrid"). */
export interface CgroupHierarchies {
  readonly version: 1 | 2;
  /** Every mount a container is put into. */
  readonly mounts: readonly CgroupMount[];
}

/** What limits and figures need. */
const NEEDED = ['memory', 'cpu', 'cpuacct', 'pids'];

const V2_ROOT = '/sys/fs/cgroup';

/** Reads the mounts out of /proc/self/mountinfo. */
export function parseCgroupMounts(mountinfo: string): CgroupHierarchies {
  const mounts: CgroupMount[] = [];
  let unified: string | undefined;
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const path = before.split(' ')[4] ?? '';
    const [type, , options = ''] = after.split(' ');
    if (type === 'cgroup2') unified ??= path;
    if (type !== 'cgroup' || mounts.some((mount) => mount.path === path)) continue;
    mounts.push({ path, controllers: options.split(',').filter((option) => option !== 'rw' && option !== 'ro') });
  }
  if (mounts.some(({ controllers }) => controllers.includes('memory'))) {
    if (unified !== undefined) mounts.push({ path: unified, controllers: [] });
    return { version: 1, mounts };
  }
  return { version: 2, mounts: unified === undefined ? [] : [{ path: unified, controllers: [] }] };
}

/** @throws GardenError CELL_HOST_UNSUITABLE */
export function findCgroups(): CgroupHierarchies {
  const hierarchies = parseCgroupMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
  const missing = hierarchies.version === 1 ? NEEDED.filter((name) => mountOf(hierarchies, name) === undefined) : [];
  if (hierarchies.mounts.length === 0 || missing.length > 0) {
    const what = missing.length > 0 ? `the cgroup controllers ${missing.join(', ')}` : `cgroups at ${V2_ROOT}`;
    throw new GardenError('CELL_HOST_UNSUITABLE', 'open', `The machine has not mounted ${what}`);
  }
  return hierarchies;
}

/** Where a controller's files of a cgroup are; on v2 all are in one place. */
export function mountOf(hierarchies: CgroupHierarchies, controller: string): string | undefined {
  if (hierarchies.version === 2) return hierarchies.mounts[0]?.path;
  return hierarchies.mounts.find(({ controllers }) => controllers.includes(controller))?.path;
}

/** Makes the cgroup that holds a cell's containers, with controllers for them where v2 asks for that. */
export function makeParent(hierarchies: CgroupHierarchies, path: string): void {
  const root = hierarchies.mounts[0]?.path;
  if (hierarchies.version !== 2 || root === undefined) return; // the runtime makes v1's
  let at = root;
  for (const part of path.split('/').filter((each) => each !== '')) {
    writeFileSync(join(at, 'cgroup.subtree_control'), '+memory +cpu +pids');
    at = join(at, part);
    mkdirSync(at, { recursive: true });
  }
  writeFileSync(join(at, 'cgroup.subtree_control'), '+memory +cpu +pids');
}

/** Whether a limit on swap can be set; many kernels do not count it. `parent` is a cgroup made by `makeParent`. */
export function countsSwap(hierarchies: CgroupHierarchies, parent: string): boolean {
  const root = mountOf(hierarchies, 'memory') ?? '';
  const file = hierarchies.version === 1 ? 'memory.memsw.limit_in_bytes' : join(parent, 'memory.swap.max');
  return existsSync(join(root, file));
}
