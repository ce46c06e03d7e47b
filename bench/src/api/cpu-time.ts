import { readdir, readFile } from 'node:fs/promises';
import { processTree } from '../demo/process-memory.ts';

/** Milliseconds of processor time that all threads of these processes have had so far; of threads that live. */
export async function cpuMs(pids: readonly number[]): Promise<number> {
  let nanoseconds = 0;
  for (const pid of pids) {
    for (const task of await readdir(`/proc/${pid}/task`).catch(() => [])) {
      const text = await readFile(`/proc/${pid}/task/${task}/schedstat`, 'utf8').catch(() => '0');
      nanoseconds += Number(text.split(' ')[0]);
    }
  }
  return nanoseconds / 1e6;
}

export interface CpuUsed {
  /** Milliseconds of processor time. */
  readonly service: number;
  /** Of the database server; 0 without one. */
  readonly database: number;
}

/** What the service, and the database server when there is one, spend on a piece of work. */
export async function cpuOf(
  service: number,
  databaseServer: number | undefined,
  work: () => Promise<unknown>,
): Promise<CpuUsed> {
  // Connections are processes of their own, pooled: those that are there now do the work.
  const server = databaseServer === undefined ? [] : await processTree(databaseServer);
  const before = [await cpuMs([service]), await cpuMs(server)] as const;
  await work();
  const after = [await cpuMs([service]), await cpuMs(server)] as const;
  return { service: after[0] - before[0], database: after[1] - before[1] };
}
