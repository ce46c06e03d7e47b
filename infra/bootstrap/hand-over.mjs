// @ts-check
// Runs the real program under the pinned Node, and stands for it: signals go in, the exit status comes out.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { SEARCH_PATH } from './facts.mjs';

const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/** Who only waits need not keep room for much garbage, nor memory that was given back (as processes.ts has it). */
const SMALL = {
  flags: ['--max-semi-space-size=2'],
  env: { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '1048576', MALLOC_TRIM_THRESHOLD_: '1048576' },
};

/**
 * The program gets a process group of its own, so that Ctrl-C reaches it once, from here, and a pipe (descriptor 3,
 * SLIPWAY_LIFELINE_FD) whose end of file tells it that this process is gone, should somebody kill it.
 * @param {string} root
 * @param {string} entry
 * @param {readonly string[]} args
 * @param {{ privateMounts: boolean, supervises: boolean }} options privateMounts: in a mount namespace of its own (see
 *   private-mounts.ts); supervises: it mostly waits
 * @returns {Promise<number>} the exit status
 */
export async function handOver(root, entry, args, options) {
  const bin = join(root, 'node_modules/.bin');
  const flags = options.supervises ? SMALL.flags : [];
  const program = [join(bin, 'node'), ...flags, join(root, entry), ...args];
  const [command, ...rest] = options.privateMounts
    ? ['unshare', '--mount', '--propagation', 'slave', '--', 'env', 'SLIPWAY_MOUNT_NAMESPACE=private', ...program]
    : program;
  const child = spawn(/** @type {string} */ (command), rest, {
    cwd: root,
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    detached: true,
    env: {
      ...process.env,
      ...(options.supervises ? SMALL.env : {}),
      PATH: [bin, ...SEARCH_PATH.filter((dir) => dir !== bin)].join(':'),
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(root, 'node_modules/.cache/node-compile'),
      SLIPWAY_LIFELINE_FD: '3',
    },
  });
  const passOn = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal);
  for (const signal of SIGNALS) process.on(signal, passOn);
  // The program may end before it has read the pipe.
  child.stdio[3]?.on('error', () => {});
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGTERM']));
    });
  } finally {
    for (const signal of SIGNALS) process.off(signal, passOn);
  }
}
