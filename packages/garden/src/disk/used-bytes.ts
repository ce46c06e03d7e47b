import { statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { projectBytes, projectOf } from '../sys/project-quota.ts';
import type { DiskLimitKind, DiskPlace } from './container-disks.ts';

const BLOCK_BYTES = 512;

/** What a container's own files take, where the kernel keeps the sum; undefined where files have to be counted. */
export function usedBytes(kind: DiskLimitKind, { writableDir, image }: DiskPlace): number | undefined {
  switch (kind) {
    case 'none':
      return undefined;
    case 'project-quota':
      return projectBytes(writableDir, projectOf(writableDir));
    case 'file-system': {
      if (statSync(writableDir).dev === statSync(dirname(writableDir)).dev) {
        // Mounted by an earlier process in a mount namespace that is not this one's.
        return statSync(image).blocks * BLOCK_BYTES;
      }
      const { blocks, bfree, bsize } = statfsSync(writableDir);
      return (blocks - bfree) * bsize;
    }
  }
}
