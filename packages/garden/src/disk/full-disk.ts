import { GardenError, type GardenPhase } from '../errors.ts';
import { readDiskSpaceNow } from '../sys/disk-space.ts';
import { errnoCode } from '../sys/sys-error.ts';

/**
 * When it was for want of room on the cell's disk that a container could not be made: an error that says so, with the
 * phase and the figures. Any other error is returned as it is.
 */
export function explainFullDisk(error: unknown, dataDir: string): unknown {
  if (!causes(error).some((each) => errnoCode(each) === 'ENOSPC' || errnoCode(each) === 'EDQUOT')) return error;
  const phase: GardenPhase = error instanceof GardenError ? error.phase : 'create';
  const { capacityBytes, freeBytes } = readDiskSpaceNow(dataDir);
  const mb = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
  const reason = error instanceof Error ? error.message : String(error);
  return new GardenError(
    'CELL_DISK_FULL',
    phase,
    `The cell's disk is full (${phase}): of ${mb(capacityBytes)} ${mb(freeBytes)} are free: ${reason}`,
    { cause: error, details: { phase, capacityBytes, freeBytes } },
  );
}

function causes(error: unknown): readonly unknown[] {
  const chain: unknown[] = [];
  for (let at = error; at instanceof Error && chain.length < 8; at = at.cause) chain.push(at);
  return chain;
}
