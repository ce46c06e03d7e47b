import { readFileSync } from 'node:fs';

/** Changes with each start of the machine: what was running, mounted or not yet on disk before is gone. */
export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
}
