import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { asGardenError, GardenError } from '../errors.ts';
import { pastDeadline } from '../runtime/deadlines.ts';
import { identifyProcess, type ProcessIdentity } from '../sys/processes.ts';
import { errnoCode } from '../sys/sys-error.ts';
import { type IdMapping, type IdRange, idMappings } from './id-range.ts';

/** It takes milliseconds; on a machine that starts hundreds at once it takes its turn. */
const TIMEOUT_MS = 60_000;

/** A container's keeper and the user namespace that it was started in. */
export interface Keeper {
  readonly process: ProcessIdentity;
  /** The caller closes it. */
  readonly userNamespaceFd: number;
}

/**
 * Starts a container's keeper: a cat(1) in a new user namespace that waits to be released through a FIFO. It has two
 * uses. Its user namespace is what the layers are mapped with (the kernel makes one only for a process). And it holds
 * the container's log FIFOs open, so that what an app wrote before it ended is not lost while no rep is there to read;
 * conmon lets go of them too early for that.
 *
 * @param heldFds descriptors it keeps open for as long as it lives
 */
export async function startKeeper(
  range: IdRange,
  releaseFifo: string,
  heldFds: readonly number[],
  signal?: AbortSignal,
): Promise<Keeper> {
  const map = showMappings(idMappings(range));
  return await startInUserNamespace({ uids: map, gids: map }, ['-', releaseFifo], heldFds, signal);
}

/** The maps of a user namespace, as the kernel reads them. */
export interface NamespaceMaps {
  readonly uids: string;
  readonly gids: string;
}

export function showMappings(mappings: readonly IdMapping[]): string {
  return mappings.map(({ containerId, hostId, size }) => `${containerId} ${hostId} ${size}\n`).join('');
}

/** Starts a cat(1) in a new user namespace; it reads what it is told to, until that ends. */
export async function startInUserNamespace(
  maps: NamespaceMaps,
  inputs: readonly string[],
  heldFds: readonly number[],
  signal?: AbortSignal,
): Promise<Keeper> {
  const child = spawn('/usr/bin/unshare', ['--user', '--', '/bin/cat', ...inputs], {
    stdio: ['pipe', 'pipe', 'ignore', ...heldFds],
    // A session of its own: a Ctrl-C at the rep's terminal is not for it.
    detached: true,
    env: {},
  });
  try {
    await echo(child, signal);
    const process = child.pid === undefined ? undefined : identifyProcess(child.pid);
    if (process === undefined) throw new Error('it ended at once');
    writeFileSync(`/proc/${process.pid}/uid_map`, maps.uids);
    writeFileSync(`/proc/${process.pid}/gid_map`, maps.gids);
    const userNamespaceFd = openSync(`/proc/${process.pid}/ns/user`, constants.O_RDONLY);
    // Now it goes on to wait at the FIFO.
    child.stdin?.destroy();
    child.stdout?.destroy();
    child.unref();
    return { process, userNamespaceFd };
  } catch (error) {
    child.kill('SIGKILL');
    throw asGardenError(error, 'USER_NAMESPACE_FAILED', 'user-namespace', 'The user namespace could not be made');
  }
}

/** Returns when the program has started, which is after it got its namespace: it then echoes what it reads. */
async function echo(child: ChildProcess, signal: AbortSignal | undefined): Promise<void> {
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('no pipes');
  const deadline = AbortSignal.timeout(TIMEOUT_MS);
  const either = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
  await new Promise<void>((resolve, reject) => {
    const what = 'the start of unshare';
    const stop = (): void =>
      reject(
        signal?.aborted
          ? new GardenError('CANCELLED', 'user-namespace', `Cancelled while ${what} was under way`)
          : pastDeadline({ step: 'create:keeper', phase: 'user-namespace', what }, TIMEOUT_MS),
      );
    either.addEventListener('abort', stop, { once: true });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`unshare exited with status ${code}`)));
    stdin.on('error', reject);
    stdout.once('data', () => {
      either.removeEventListener('abort', stop);
      resolve();
    });
    stdin.write('.');
  });
  child.removeAllListeners('exit');
}

/** Lets a keeper go: opening its FIFO for writing ends its wait. Fine when there is none, or no FIFO. */
export function releaseKeeper(releaseFifo: string): void {
  try {
    closeSync(openSync(releaseFifo, constants.O_WRONLY | constants.O_NONBLOCK));
  } catch (error) {
    // ENXIO: nobody waits there.
    if (errnoCode(error) !== 'ENXIO' && errnoCode(error) !== 'ENOENT') throw error;
  }
}
