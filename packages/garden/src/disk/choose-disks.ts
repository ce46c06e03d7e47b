import { accessSync, constants, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { GardenError } from '../errors.ts';
import type { CommandRunner } from '../runtime/command.ts';
import { limitProject, setProject } from '../sys/project-quota.ts';
import type { ContainerDisks, DiskLimitKind } from './container-disks.ts';
import { MKFS } from './ext4-template.ts';
import { FileSystemDisks } from './file-system-disks.ts';
import { ProjectQuotaDisks } from './project-quota-disks.ts';

/** `auto`: the first of the kinds that the machine has. */
export type DiskLimitWish = 'auto' | DiskLimitKind;

/** A project that no address makes. */
const TRIAL_PROJECT = 0xffff_fff0;

interface Surroundings {
  /** Where containers' files will be. */
  readonly dataDir: string;
  readonly run: CommandRunner;
}

/**
 * Finds out, by trying, what this machine can hold writable layers at their limits with.
 * @throws GardenError CELL_HOST_UNSUITABLE when it lacks the kind that was asked for
 */
export async function chooseDisks(wish: DiskLimitWish, { dataDir, run }: Surroundings): Promise<ContainerDisks> {
  if (wish === 'none') return unlimited('switched off by CELL_DISK_LIMITS');
  const reasons: string[] = [];
  if (wish !== 'file-system') {
    const quota = tryProjectQuota(dataDir);
    if (quota.works) return new ProjectQuotaDisks(quota.reason);
    reasons.push(quota.reason);
  }
  if (wish !== 'project-quota') {
    try {
      checkTools();
      const why = reasons.length === 0 ? 'asked for by CELL_DISK_LIMITS' : reasons.join('; ');
      return await FileSystemDisks.open(why, join(dataDir, 'disk-templates'), run);
    } catch (error) {
      reasons.push(`no file systems of their own: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (wish === 'auto') return unlimited(reasons.join('; '));
  throw new GardenError(
    'CELL_HOST_UNSUITABLE',
    'open',
    `The cell cannot limit disks by ${wish}: ${reasons.join('; ')}`,
  );
}

function unlimited(reason: string): ContainerDisks {
  return { kind: 'none', reason, make: () => Promise.resolve() };
}

function checkTools(): void {
  try {
    accessSync(MKFS, constants.X_OK);
  } catch {
    throw new Error(`${MKFS} is missing (Debian package e2fsprogs)`);
  }
}

function tryProjectQuota(dataDir: string): { readonly works: boolean; readonly reason: string } {
  const found = superblockOf(dataDir, readFileSync('/proc/self/mountinfo', 'utf8'));
  if (found === undefined) return { works: false, reason: 'no project quotas: the file system is none that has them' };
  const { type, options } = found;
  // XFS says pqnoenforce, and ext4 nothing, where usage is counted and nobody is stopped.
  if (!options.includes('prjquota')) {
    return { works: false, reason: `no project quotas: the ${type} is mounted without prjquota` };
  }
  const trial = join(dataDir, 'disk-trial');
  try {
    rmSync(trial, { recursive: true, force: true });
    mkdirSync(trial, { mode: 0o700 });
    setProject(trial, TRIAL_PROJECT);
    limitProject(trial, TRIAL_PROJECT, 1024 ** 2);
    limitProject(trial, TRIAL_PROJECT, 0);
    return { works: true, reason: `${type} mounted with prjquota` };
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    return { works: false, reason: `no project quotas on this ${type}: ${what}` };
  } finally {
    rmSync(trial, { recursive: true, force: true });
  }
}

/** What of a mount in /proc/self/mountinfo belongs to the whole file system that `path` is on. */
function superblockOf(
  path: string,
  mountinfo: string,
): { readonly type: string; readonly options: readonly string[] } | undefined {
  const { dev } = statSync(path);
  const device = `${major(dev)}:${minor(dev)}`;
  const line = mountinfo.split('\n').find((each) => each.split(' ')[2] === device);
  const [type, , options] = line?.split(' - ')[1]?.split(' ') ?? [];
  return type === undefined || options === undefined ? undefined : { type, options: options.split(',') };
}

/** glibc's gnu_dev_major and gnu_dev_minor; Node gives st_dev as a number below 2^53. */
function major(dev: number): number {
  return Math.floor(dev / 256) % 4096;
}

function minor(dev: number): number {
  return (dev % 256) + Math.floor(dev / 2 ** 20) * 256;
}
