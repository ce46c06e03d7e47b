// @ts-check
// One installation at a time in a checkout.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 250;

/**
 * Takes the lock, waiting while another living process holds it. A lock whose holder is gone is taken over.
 * @param {string} file
 * @param {(pid: number) => void} onWait called once, with the holder
 * @param {AbortSignal} signal
 * @returns {Promise<() => void>} releases the lock
 */
export async function takeInstallLock(file, onWait, signal) {
  mkdirSync(dirname(file), { recursive: true });
  let told = false;
  for (;;) {
    signal.throwIfAborted();
    try {
      writeFileSync(file, `${process.pid} ${startTime(process.pid)}\n`, { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    }
    const holder = livingHolder(file);
    if (holder === undefined) {
      rmSync(file, { force: true });
      continue;
    }
    if (!told) onWait(holder);
    told = true;
    await delay(POLL_MS, undefined, { signal });
  }
}

/**
 * @param {string} file
 * @returns {number | undefined} the pid of the holder, if that very process still runs
 */
function livingHolder(file) {
  let text;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return undefined;
    throw error;
  }
  const [pid, started] = text.trim().split(' ');
  return pid !== undefined && started !== undefined && startTime(Number(pid)) === started ? Number(pid) : undefined;
}

/**
 * Tells a process from a later one with the same pid.
 * @param {number} pid
 * @returns {string | undefined} its start in clock ticks since boot
 */
function startTime(pid) {
  try {
    // The command name, in parentheses, may hold spaces; field 22 is the 20th after it.
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')[19];
  } catch {
    return undefined;
  }
}
