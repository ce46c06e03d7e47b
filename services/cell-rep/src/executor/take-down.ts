import { setTimeout as delay } from 'node:timers/promises';
import type { InstanceDeps } from './instance-deps.ts';
import type { InstanceLog } from './instance-log.ts';
import type { Container, ContainerExit } from './ports.ts';
import { withDeadline } from './step.ts';

/** Diego: `graceful_shutdown_interval`. */
export const GRACE_MS = 10_000;
// Diego waits 1 s; a process in an uninterruptible sleep may take longer, and the deletion would only have to wait too.
const KILLED_WAIT_MS = 5_000;
const DELETE_RETRY_MIN_MS = 500;
const DELETE_RETRY_MAX_MS = 30_000;

/** How a process ended that was told to. */
export interface Ended {
  /** Undefined when not even SIGKILL helped; then the deletion of the container must. */
  readonly exit: ContainerExit | undefined;
  readonly killed: boolean;
}

/**
 * Its stop signal, SIGTERM to its sidecars, the grace time, SIGKILL. What is left of the sidecars ends with the app.
 * Rejects with the signal's reason when aborted.
 */
export async function endProcess(
  container: Container,
  stopSignal: string | undefined,
  signal: AbortSignal,
): Promise<Ended> {
  await container.signal(stopSignal ?? 'SIGTERM');
  for (const sidecar of container.sidecars) await sidecar.signal('SIGTERM');
  const gracefully = await exitWithin(container, GRACE_MS, signal);
  if (gracefully !== undefined) return { exit: gracefully, killed: false };
  await container.signal('SIGKILL');
  return { exit: await exitWithin(container, KILLED_WAIT_MS, signal), killed: true };
}

/** Deletes the container, again until it is gone: what is left behind would take memory, addresses and disk. */
export async function deleteContainer(
  container: Container,
  log: InstanceLog,
  deps: InstanceDeps,
  signal: AbortSignal,
): Promise<void> {
  log.cell('destroying container for instance');
  for (let failures = 0; ; failures++) {
    const startedAt = performance.now();
    try {
      await withDeadline('deleting the container', deps.timeouts.deleteMs, signal, (s) => container.delete(s));
      deps.onStep('delete', performance.now() - startedAt);
      break;
    } catch (error) {
      signal.throwIfAborted();
      deps.onStepFailed('delete', error);
      const wait = Math.min(DELETE_RETRY_MIN_MS * 2 ** failures, DELETE_RETRY_MAX_MS);
      deps.logger.error({ err: error, instanceGuid: container.instanceGuid, wait }, 'instance.delete-retry');
      await delay(wait, undefined, { signal });
    }
  }
  log.cell('successfully destroyed container for instance');
}

async function exitWithin(container: Container, ms: number, signal: AbortSignal): Promise<ContainerExit | undefined> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  try {
    const timeout = delay(ms, undefined, { signal: either }).catch(() => undefined);
    const exit = await Promise.race([container.exited(), timeout]);
    signal.throwIfAborted();
    return exit;
  } finally {
    over.abort();
  }
}
