import type { ContainerExit } from '../runtime/container-record.ts';

/** How the end of an app's process is told in its log and as the reason of its crash, in Cloud Foundry's words. */
export interface ExitTexts {
  /** A line of the app's own log. */
  readonly log: string;
  /** Follows the process's log source: "APP/PROC/WEB: " and this. */
  readonly reason: string;
}

/** @param graceMs when it was killed since it did not end within this time, else undefined */
export function exitTexts(exit: ContainerExit, graceMs?: number): ExitTexts {
  if (exit.status === null) {
    return { log: 'Exit status unknown (nobody was there to see it)', reason: 'Exited with unknown status' };
  }
  const memory = exit.outOfMemory && exit.status !== 0 ? ' (out of memory)' : '';
  const grace = graceMs === undefined ? '' : ` (exceeded ${graceMs / 1000}s graceful shutdown interval)`;
  return {
    log: `Exit status ${exit.status}${grace}${memory}`,
    reason: `Exited with status ${exit.status}${grace}${memory}`,
  };
}
