import { readdir, readFile } from 'node:fs/promises';
import { parsePss } from '../demo/process-memory.ts';

export interface FoundProcess {
  readonly pid: number;
  readonly parent: number;
  readonly command: readonly string[];
}

/** sysconf(_SC_CLK_TCK) of every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Every process of the machine but the kernel's own. */
export async function allProcesses(): Promise<readonly FoundProcess[]> {
  const found: FoundProcess[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const command = (await readFile(`/proc/${name}/cmdline`, 'utf8')).split('\0').slice(0, -1);
      if (command.length === 0) continue;
      const parent = Number(afterName(await readFile(`/proc/${name}/stat`, 'utf8'))[1]);
      found.push({ pid: Number(name), parent, command });
    } catch (error) {
      if (!hasEnded(error)) throw error;
    }
  }
  return found;
}

/** User and system time of these processes so far; those that have ended count nothing. */
export async function cpuSeconds(pids: readonly number[]): Promise<number> {
  let ticks = 0;
  for (const pid of pids) {
    try {
      const fields = afterName(await readFile(`/proc/${pid}/stat`, 'utf8'));
      ticks += Number(fields[11]) + Number(fields[12]);
    } catch (error) {
      if (!hasEnded(error)) throw error;
    }
  }
  return ticks / TICKS_PER_SECOND;
}

/** Proportional set size of all of them, in MB (10^6 bytes). */
export async function megabytes(processes: readonly FoundProcess[]): Promise<number> {
  let kibibytes = 0;
  for (const { pid } of processes) {
    try {
      kibibytes += parsePss(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8'));
    } catch (error) {
      if (!hasEnded(error)) throw error;
    }
  }
  return (kibibytes * 1024) / 1e6;
}

/** The fields of /proc/PID/stat from the third, its state, on; the name before may hold anything. */
function afterName(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function hasEnded(error: unknown): boolean {
  return ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '');
}
