import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runToEnd } from '@slipway/infra';

/** More than any contender makes of the largest image; the file is sparse. */
const BYTES = 6 * 1024 ** 3;

/**
 * Runs `work` on an ext4 file system on which there has never been anything. On one where thousands of files were deleted
 * within the last minutes ext4 passes over their inodes, one after the other, for each new file: who comes second pays for
 * who came first.
 */
export async function onFreshDisk<T>(directory: string, work: (mountPoint: string) => Promise<T>): Promise<T> {
  const image = join(directory, 'disk.img');
  const mountPoint = join(directory, 'disk');
  await mkdir(mountPoint, { recursive: true });
  await runToEnd('truncate', ['--size', String(BYTES), image]);
  try {
    // All of it made now: a kernel thread would do it during the measurement.
    await runToEnd('mkfs.ext4', ['-q', '-E', 'lazy_itable_init=0,lazy_journal_init=0', image]);
    await runToEnd('mount', ['-o', 'loop', image, mountPoint]);
    try {
      // What was written before must not be written back at the cost of this one.
      await runToEnd('sync', []);
      return await work(mountPoint);
    } finally {
      // Podman and Docker leave their storage mounted on itself.
      await runToEnd('umount', ['--recursive', mountPoint]);
    }
  } finally {
    await rm(image, { force: true });
  }
}
