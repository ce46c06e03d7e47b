/** Set for a process that already is in a mount namespace of its own. */
const MARK = 'SLIPWAY_MOUNT_NAMESPACE';

/** The command line that runs another in a mount namespace of its own, which sees the host's mounts come and go. */
export function inPrivateMounts(command: readonly string[]): readonly [string, ...string[]] {
  return ['unshare', '--mount', '--propagation', 'slave', '--', 'env', `${MARK}=private`, ...command];
}

/**
 * Makes sure that this process, if it is root's, has a mount namespace of its own: mounts made here are not seen outside
 * and end with the last process inside. Replaces the process (same pid) when it has none. Call it first of all.
 */
export function enterPrivateMounts(): void {
  if (process.getuid?.() !== 0) return;
  if (process.env[MARK] === 'private') {
    delete process.env[MARK];
    return;
  }
  const [command, ...args] = inPrivateMounts([process.execPath, ...process.execArgv, ...process.argv.slice(1)]);
  process.execve?.(`/usr/bin/${command}`, [command, ...args], process.env as Record<string, string>);
  throw new Error('cannot enter a mount namespace: this Node cannot replace itself');
}
