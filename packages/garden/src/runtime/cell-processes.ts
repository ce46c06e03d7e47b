import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { identifyProcess, type ProcessIdentity, signalProcess } from '../sys/processes.ts';
import { errnoCode } from '../sys/sys-error.ts';
import { pastDeadline } from './deadlines.ts';

/** A conmon, a runc below it, or a keeper: a process of the host that serves one container. */
export interface ServingProcess {
  readonly handle: string;
  readonly process: ProcessIdentity;
}

/**
 * Finds the processes that serve the containers of a directory, by the paths in their arguments: the last resort for
 * those that a rep started and was killed before it could write down.
 */
export function findServingProcesses(
  containersDir: string,
  isMeant: (argument: string) => boolean = () => true,
): readonly ServingProcess[] {
  const prefix = join(containersDir, sep);
  const found: ServingProcess[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const argument = readArguments(name).find((each) => each.startsWith(prefix) && isMeant(each));
    if (argument === undefined) continue;
    const handle = argument.slice(prefix.length).split(sep)[0] ?? '';
    const process = identifyProcess(Number(name));
    if (process !== undefined && handle !== '') found.push({ handle, process });
  }
  return found;
}

function readArguments(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch (error) {
    const code = errnoCode(error);
    if (code === 'ENOENT' || code === 'ESRCH') return [];
    throw error;
  }
}

/**
 * Kills what serves a container that was being made: again until there is nothing, since what is killed may have
 * started another a moment before.
 */
export async function killServingProcesses(containersDir: string, handle: string, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const serving = findServingProcesses(containersDir).filter((each) => each.handle === handle);
    if (serving.length === 0) return;
    if (Date.now() > deadline) {
      const pids = serving.map(({ process }) => process.pid).join(', ');
      throw pastDeadline({ step: 'delete:processes', phase: 'delete', what: `the end of ${pids}` }, timeoutMs);
    }
    for (const { process } of serving) signalProcess(process, 'SIGKILL');
    await delay(1);
  }
}
