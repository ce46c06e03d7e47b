import { statfsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';

/** What a file system has, for those who are not its administrator (statfs's `bavail`, as df has it). */
export interface DiskSpace {
  /** Used by anybody, and free. */
  readonly capacityBytes: number;
  readonly freeBytes: number;
}

interface Figures {
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
  readonly bsize: number;
}

function spaceOf({ blocks, bfree, bavail, bsize }: Figures): DiskSpace {
  // As df has it: what is kept for the administrator is neither used nor free.
  return { capacityBytes: (blocks - bfree + bavail) * bsize, freeBytes: bavail * bsize };
}

export async function readDiskSpace(path: string): Promise<DiskSpace> {
  return spaceOf(await statfs(path));
}

/** For a figure that somebody asks for now; local file systems know it without waiting. */
export function readDiskSpaceNow(path: string): DiskSpace {
  return spaceOf(statfsSync(path));
}
