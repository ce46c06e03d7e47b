import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Allowance } from '../network/egress-table.ts';
import { readRecord } from './container-record.ts';

/** What the containers of an earlier process may reach, so that a new table has it from its first moment. */
export function readAllowances(containersDir: string): Allowance[] {
  return readdirSync(containersDir).flatMap((handle) => {
    const record = readRecord(join(containersDir, handle, 'container.json'));
    if (record === undefined) return [];
    const { network, egress, networkGroup } = record;
    const group = networkGroup === undefined ? {} : { group: networkGroup };
    return [{ address: network.address, rules: egress, ...group }];
  });
}
