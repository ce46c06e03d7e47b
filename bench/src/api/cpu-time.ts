import { readdir, readFile } from 'node:fs/promises';
import { processTree } from '../demo/process-memory.ts';

/** Nanoseconds of processor time of each thread of these processes so far. */
async function threadTimes(pids: readonly number[]): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  for (const pid of pids) {
    for (const task of await readdir(`/proc/${pid}/task`).catch(() => [])) {
      const text = await readFile(`/proc/${pid}/task/${task}/schedstat`, 'utf8').catch(() => undefined);
      if (text !== undefined) times.set(`${pid}/${task}`, Number(text.split(' ')[0]));
    }
  }
  return times;
}

/** Milliseconds; of threads that ended in between nobody knows. */
function spent(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): number {
  let nanoseconds = 0;
  for (const [thread, time] of after) nanoseconds += time - (before.get(thread) ?? 0);
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
  // Each connection is a process of its own.
  const serverPids = async (): Promise<readonly number[]> =>
    databaseServer === undefined ? [] : processTree(databaseServer);
  const [serviceBefore, serverBefore] = [await threadTimes([service]), await threadTimes(await serverPids())];
  await work();
  const [serviceAfter, serverAfter] = [await threadTimes([service]), await threadTimes(await serverPids())];
  return { service: spent(serviceBefore, serviceAfter), database: spent(serverBefore, serverAfter) };
}
