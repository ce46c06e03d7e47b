import type { DesiredLrp } from '@slipway/contracts';
import { goDuration } from './go-duration.ts';
import type { Crash } from './instance-state.ts';

/** BBS: `actual_lrps.crash_reason`. */
const MAX_REASON_LENGTH = 1_024;

/** How the app's process ended, or a sidecar's. */
export interface Exit {
  /** 128 + n when signal n ended it, as shells have it; undefined when nobody was there to see. */
  readonly status: number | undefined;
  readonly outOfMemory: boolean;
}

/** What ended an instance, before it is put into words. */
export type CrashCause =
  | { readonly phase: 'pull' | 'create'; readonly error: string }
  | { readonly phase: 'start'; readonly error: string }
  | { readonly phase: 'health-check'; readonly afterMs: number; readonly error: string }
  | { readonly phase: 'run'; readonly unhealthy: string }
  /** `sourceType` is of the sidecar that ended; absent: the app did. */
  | { readonly phase: 'health-check' | 'run'; readonly exit: Exit; readonly sourceType?: string };

/** The crash as it is recorded; `ranMs` is how long it had been RUNNING. Texts are the executor's. */
export function describeCrash(cause: CrashCause, lrp: Pick<DesiredLrp, 'log'>, ranMs: number): Crash {
  const exit = 'exit' in cause ? cause.exit : undefined;
  return {
    phase: cause.phase,
    reason: truncate(reasonOf(cause, lrp.log.sourceType)),
    ...(exit?.status === undefined ? {} : { exitStatus: exit.status }),
    outOfMemory: exit !== undefined && isOutOfMemory(exit),
    ranMs: Math.max(0, ranMs),
  };
}

/** The line that an app's own log ends with. `killed`: it outlived the grace time. */
export function exitLine(exit: Exit, killed: { readonly graceMs: number } | undefined): string {
  const late = killed === undefined ? '' : ` (exceeded ${goDuration(killed.graceMs)} graceful shutdown interval)`;
  return `Exit status ${exit.status ?? 'unknown'}${late}${outOfMemorySuffix(exit)}`;
}

function reasonOf(cause: CrashCause, sourceType: string): string {
  if ('exit' in cause) {
    const status = cause.exit.status === undefined ? 'unknown status' : `status ${cause.exit.status}`;
    return `${cause.sourceType ?? sourceType}: Exited with ${status}${outOfMemorySuffix(cause.exit)}`;
  }
  switch (cause.phase) {
    case 'pull':
    case 'create':
      return `failed to create container: ${cause.error}`;
    case 'start':
      return `${sourceType}: failed-creating-process: ${cause.error}`;
    case 'health-check':
      return `Instance never healthy after ${goDuration(cause.afterMs)}: ${cause.error}`;
    case 'run':
      return `Instance became unhealthy: ${cause.unhealthy}`;
  }
}

function outOfMemorySuffix(exit: Exit): string {
  if (isOutOfMemory(exit)) return ' (out of memory)';
  return exit.outOfMemory && exit.status !== 0 ? ' (a process in it was killed before, out of memory)' : '';
}

/** SIGKILL, or a shell's word for that. With another status it outlived the one that was killed. */
const KILLED = 137;

function isOutOfMemory({ outOfMemory, status }: Exit): boolean {
  return outOfMemory && (status === KILLED || status === undefined);
}

function truncate(text: string): string {
  return text.length <= MAX_REASON_LENGTH ? text : `${text.slice(0, MAX_REASON_LENGTH - 1)}…`;
}
