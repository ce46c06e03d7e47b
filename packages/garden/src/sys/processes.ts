import { closeSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { calls, must, SYS } from './libc.ts';
import { errnoCode, SysError } from './sys-error.ts';

/** A process, told apart from a later one of the same pid by when it started (clock ticks since boot). */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
}

/** Who has this pid now; undefined when nobody has, or only a zombie. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch (error) {
    if (errnoCode(error) === 'ENOENT' || errnoCode(error) === 'ESRCH') return undefined;
    throw error;
  }
  // The second field is the name in parentheses and may hold anything, also spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  const startTime = fields[19];
  if (state === 'Z' || state === 'X' || startTime === undefined) return undefined;
  return { pid, startTime };
}

/** Whether this very process still runs. */
export function isAlive(process: ProcessIdentity): boolean {
  return identifyProcess(process.pid)?.startTime === process.startTime;
}

/** Signals this very process, never another that got its pid; false when it has ended. */
export function signalProcess(process: ProcessIdentity, signal: NodeJS.Signals | number): boolean {
  const fd = Number(calls.syscallPidfdOpen(SYS.pidfdOpen, process.pid, 0));
  if (fd < 0) return false;
  try {
    // The pidfd now names one process; if that is the one meant, no other can take its place.
    if (!isAlive(process)) return false;
    must(
      'syscallPidfdSendSignal',
      `${signal} to ${process.pid}`,
      SYS.pidfdSendSignal,
      fd,
      typeof signal === 'number' ? signal : constants.signals[signal],
      null,
      0,
    );
    return true;
  } catch (error) {
    if (error instanceof SysError && error.code === 'ESRCH') return false;
    throw error;
  } finally {
    closeSync(fd);
  }
}
