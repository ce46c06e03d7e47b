import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { GardenError } from '../errors.ts';
import { overlap, parseSubnet, type Subnet } from '../network/subnet.ts';
import { tryLock } from '../sys/files.ts';
import { errnoCode } from '../sys/sys-error.ts';

const CLAIM = 'cell-subnet';

/**
 * Two cells with the same addresses would answer for each other's apps. Writes down what this one has, and refuses what
 * another that is open has; they are found by their run directories, side by side.
 * @throws GardenError CELL_CONFIG_INVALID
 */
export function claimSubnet(runDir: string, subnet: Subnet): void {
  writeFileSync(join(runDir, CLAIM), subnet.cidr);
  const root = dirname(runDir);
  for (const name of readdirSync(root)) {
    if (name === basename(runDir)) continue;
    const other = readIfThere(join(root, name, CLAIM));
    if (other === undefined || !overlap(parseSubnet(other), subnet) || !isOpen(join(root, name))) continue;
    rmSync(join(runDir, CLAIM));
    throw new GardenError(
      'CELL_CONFIG_INVALID',
      'open',
      `The cell in ${join(root, name)} has the addresses ${other}: this one needs others than ${subnet.cidr}`,
    );
  }
}

/** Whether a cell holds its run directory locked. */
function isOpen(runDir: string): boolean {
  const fd = openSync(runDir, 'r');
  try {
    return !tryLock(fd);
  } finally {
    closeSync(fd);
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = errnoCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
