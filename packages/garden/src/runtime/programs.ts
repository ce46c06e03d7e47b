import { accessSync, constants } from 'node:fs';
import { GardenError } from '../errors.ts';

/** The programs that run containers, by absolute path. */
export interface Programs {
  readonly runc: string;
  readonly conmon: string;
  /** A static init, to be PID 1 of every container. */
  readonly init: string;
  /** A static busybox, for debugging in images without a shell. */
  readonly tools: string;
}

/** Where Debian has them. */
export const DEFAULT_PROGRAMS: Programs = {
  runc: '/usr/sbin/runc',
  conmon: '/usr/bin/conmon',
  init: '/usr/bin/tini-static',
  tools: '/bin/busybox',
};

/** What else is run, and the Debian packages of all. */
const OTHERS: readonly (readonly [string, string])[] = [
  ['/usr/bin/unshare', 'util-linux'],
  ['/usr/sbin/nft', 'nftables'],
];

/** @throws GardenError CELL_HOST_UNSUITABLE that lists all that is missing */
export function checkHost(programs: Programs): void {
  const problems: string[] = [];
  if (process.getuid?.() !== 0) problems.push('root (containers need mounts, cgroups and network devices)');
  const needed: readonly (readonly [string, string])[] = [
    [programs.runc, 'runc'],
    [programs.conmon, 'conmon'],
    [programs.init, 'tini'],
    [programs.tools, 'busybox-static'],
    ...OTHERS,
  ];
  for (const [path, debianPackage] of needed) {
    try {
      accessSync(path, constants.X_OK);
    } catch {
      problems.push(`${path} (Debian package ${debianPackage})`);
    }
  }
  if (problems.length === 0) return;
  throw new GardenError('CELL_HOST_UNSUITABLE', 'open', `Missing: ${problems.join(', ')}`, { details: { problems } });
}
