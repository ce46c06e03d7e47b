import { limitProject, setProject } from '../sys/project-quota.ts';
import type { ContainerDisks, DiskOrder } from './container-disks.ts';

/** Each container's directory is a project of the file system's quotas. */
export class ProjectQuotaDisks implements ContainerDisks {
  readonly kind = 'project-quota';
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }

  make({ writableDir, project, limitBytes }: DiskOrder): Promise<void> {
    setProject(writableDir, project);
    limitProject(writableDir, project, limitBytes);
    return Promise.resolve();
  }
}

/** A project for a container: its address, for no two containers of a machine have the same at one time. */
export function projectOfAddress(address: string): number {
  return address.split('.').reduce((number, part) => number * 256 + Number(part), 0);
}
