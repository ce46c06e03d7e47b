import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { runCommand } from '../process/run-command.ts';
import type { ServiceUser } from './data-directory.ts';

/**
 * Shows the checkout at `target` too, read-only, for the checkout may be where other users cannot get to, such as below
 * /root. Needs root, and a mount namespace of our own: the mount is gone with its last process.
 */
export async function mountProgram(checkout: string, target: string): Promise<void> {
  await mustSucceed('mount', ['--rbind', checkout, target]);
  await mustSucceed('mount', ['-o', 'remount,bind,ro', target]);
}

export async function unmountProgram(target: string): Promise<void> {
  await mustSucceed('umount', ['--recursive', '--lazy', target]);
}

/** Throws, with what to do about it, when the user cannot read `file`. */
export async function assertReadable(file: string, user: ServiceUser, checkout: string): Promise<void> {
  const as = ['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'];
  const { exitCode } = await runCommand('setpriv', [...as, '--', 'test', '-r', file]);
  if (exitCode === 0) return;
  const closed = await firstClosedAncestor(file);
  throw new Error(
    closed === undefined
      ? `the services run as users of their own, and those cannot read ${checkout}: chmod -R go+rX ${checkout}`
      : `the services run as users of their own, and those cannot get through ${closed}: ` +
          `chmod o+x ${closed}, or choose another SLIPWAY_DATA_DIR`,
  );
}

async function firstClosedAncestor(file: string): Promise<string | undefined> {
  const ancestors: string[] = [];
  for (let path = dirname(file); path !== '/'; path = dirname(path)) ancestors.unshift(path);
  for (const path of ancestors) if (((await stat(path)).mode & 0o001) === 0) return path;
  return undefined;
}

async function mustSucceed(command: string, args: readonly string[]): Promise<void> {
  const result = await runCommand(command, args);
  if (result.exitCode !== 0)
    throw new Error(`${result.command}: ended with ${result.exitCode}: ${result.output.trim()}`);
}
