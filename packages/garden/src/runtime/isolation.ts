import { existsSync } from 'node:fs';
import type { CgroupHierarchies } from '../cgroup/hierarchy.ts';
import type { DiskLimitKind } from '../disk/container-disks.ts';

/** What of a cell's isolation depends on its machine. */
export interface Isolation {
  /** Host ids of the containers: `own` for each. */
  readonly userIds: 'own';
  /** What all processes are held to; absent where the kernel has no AppArmor, or it could not be loaded. */
  readonly appArmorProfile?: string;
  readonly seccomp: boolean;
  /** `hybrid`: controllers of v1, and a hierarchy of v2 without. */
  readonly cgroups: 'v1' | 'v2' | 'hybrid';
  readonly diskLimits: DiskLimitKind;
}

/** Reads what the kernel has, and puts it together with what the cell has chosen. */
export function describeIsolation(
  cgroups: CgroupHierarchies,
  appArmorProfile: string | undefined,
  diskLimits: DiskLimitKind,
): Isolation {
  return {
    userIds: 'own',
    ...(appArmorProfile === undefined ? {} : { appArmorProfile }),
    // The runtime refuses to start a container without; a kernel built so is found before that.
    seccomp: existsSync('/proc/sys/kernel/seccomp/actions_avail'),
    cgroups: cgroupKind(cgroups),
    diskLimits,
  };
}

function cgroupKind({ version, mounts }: CgroupHierarchies): Isolation['cgroups'] {
  if (version === 2) return 'v2';
  return mounts.some(({ controllers }) => controllers.length === 0) ? 'hybrid' : 'v1';
}
