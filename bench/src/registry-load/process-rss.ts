import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

const SAMPLE_MS = 10;

/** Resident memory of a process, in MB (10^6 bytes). */
export async function rssOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(status);
  if (match === null) throw new Error(`process ${pid} has ended`);
  return Math.round((Number(match[1]) * 1024) / 1e5) / 10;
}

/** Watches a process while `work` goes on; the most that it had. */
export async function peakRss<T>(
  pid: number,
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly peak: number }> {
  let [peak, working] = [await rssOf(pid), true];
  const watching = (async () => {
    while (working) {
      peak = Math.max(peak, await rssOf(pid));
      await delay(SAMPLE_MS);
    }
  })();
  try {
    const value = await work();
    return { value, peak: Math.max(peak, await rssOf(pid)) };
  } finally {
    working = false;
    await watching;
  }
}
