import type { DiskLimitKind } from '../disk/container-disks.ts';
import { projectOfAddress } from '../disk/project-quota-disks.ts';
import { asGardenError, throwIfCancelled } from '../errors.ts';
import type { CellContext } from './cell-context.ts';
import type { ContainerRecord } from './container-record.ts';

/** What a new container's record says of its disk. */
export function promisedDisk(kind: DiskLimitKind, limitBytes: number | undefined): Pick<ContainerRecord, 'disk'> {
  return kind === 'none' || limitBytes === undefined ? {} : { disk: { kind, limitBytes } };
}

/** From here on the container's own files cannot be more than it may have. */
export async function makeDisk(
  context: CellContext,
  record: ContainerRecord,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { handle, disk, network } = record;
  context.onStep('create:disk', handle);
  if (disk === undefined) return;
  const { writableDir, image } = context.paths.container(handle);
  const project = projectOfAddress(network.address);
  try {
    await context.disks.make({ handle, writableDir, image, limitBytes: disk.limitBytes, project });
  } catch (error) {
    throw asGardenError(error, 'CONTAINER_DISK_FAILED', 'disk', `The disk of ${handle} could not be made`);
  }
  throwIfCancelled(signal, 'disk');
}
