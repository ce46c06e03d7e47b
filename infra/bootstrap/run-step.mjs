// @ts-check
// Runs one step of an installation as a process group of its own, so that Ctrl-C is ours to pass on: apt-get and npm
// are ended with all that they started, dpkg is let finish.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { SEARCH_PATH } from './facts.mjs';

/** npm does not end on SIGTERM while it unpacks. */
const KILL_AFTER_MS = 2_000;

export class StepFailed extends Error {}

/**
 * @typedef {object} StepOptions
 * @property {NodeJS.ProcessEnv} [env] added to the environment
 * @property {string} [cwd]
 * @property {AbortSignal} signal
 * @property {boolean} [finish] an abort does not end it: it runs to its end first
 * @property {(line: string) => void} [onOutput] each line of stdout
 * @property {(line: string) => void} [onStatus] each line written to descriptor 3
 */

/**
 * Resolves with the output when the step succeeded. Rejects with StepFailed and the last lines of output when not,
 * and with the signal's reason when it was aborted, after the step is gone.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {StepOptions} options
 * @returns {Promise<string>}
 */
export async function runStep(command, args, options) {
  options.signal.throwIfAborted();
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, PATH: SEARCH_PATH.join(':'), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', options.onStatus ? 'pipe' : 'ignore'],
    detached: true,
  });
  /** @type {string[]} */
  const lines = [];
  const [, stdout, stderr, status] = child.stdio;
  for (const stream of [stdout, stderr]) {
    createInterface({ input: /** @type {import('node:stream').Readable} */ (stream) }).on('line', (line) => {
      lines.push(line);
      if (stream === stdout) options.onOutput?.(line);
    });
  }
  if (options.onStatus) {
    createInterface({ input: /** @type {import('node:stream').Readable} */ (status) }).on('line', options.onStatus);
  }
  /** @type {NodeJS.Timeout | undefined} */
  let killer;
  const end = () => {
    if (options.finish || child.pid === undefined) return;
    killGroup(child.pid, 'SIGTERM');
    killer = setTimeout(() => killGroup(/** @type {number} */ (child.pid), 'SIGKILL'), KILL_AFTER_MS);
  };
  options.signal.addEventListener('abort', end, { once: true });
  try {
    const code = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (exitCode, signal) => resolve(exitCode ?? signal));
    });
    if (options.signal.aborted && !options.finish && child.pid !== undefined) killGroup(child.pid, 'SIGKILL');
    options.signal.throwIfAborted();
    if (code !== 0) {
      const shown = lines.filter((line) => line.trim() !== '').slice(-30);
      throw new StepFailed(`${command} ${args.join(' ')}\nended with ${code}:\n${shown.join('\n')}`);
    }
    return lines.join('\n');
  } finally {
    clearTimeout(killer);
    options.signal.removeEventListener('abort', end);
  }
}

/**
 * @param {number} pid
 * @param {NodeJS.Signals} signal
 */
function killGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error;
  }
}
