import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoCode } from '../sys/sys-error.ts';

const SETTING = '/proc/sys/net/ipv4/ip_forward';

/** Says that a cell of this machine switched forwarding on. Like the setting it does not outlive a reboot. */
const MARKER = '/run/slipway/switched-ip-forward-on';

/** Lets the machine pass containers' packets on, and remembers when it did not before. */
export function enableForwarding(): void {
  if (readFileSync(SETTING, 'latin1').trim() !== '0') return;
  mkdirSync(dirname(MARKER), { recursive: true, mode: 0o755 });
  writeFileSync(MARKER, '');
  writeFileSync(SETTING, '1');
}

/** For the last cell to go: puts the setting back, if a cell changed it. */
export function restoreForwarding(): void {
  try {
    rmSync(MARKER);
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return;
    throw error;
  }
  writeFileSync(SETTING, '0');
}
