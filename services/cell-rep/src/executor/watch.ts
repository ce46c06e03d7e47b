import { setTimeout as delay } from 'node:timers/promises';
import type { DesiredLrp } from '@slipway/contracts';
import type { CrashCause } from '../domain/crash.ts';
import { followHealth, followReadiness } from './follow-checks.ts';
import type { InstanceDeps } from './instance-deps.ts';
import type { ContainerExit } from './ports.ts';
import type { Watched } from './watched.ts';

// Of a process that has ended no check succeeds, and the news of its end may come a moment after that of the check.
const EXIT_NEWS_MS = 500;

/** Status of what SIGKILL ended: the kernel's too, for what is left of a container whose app has ended. */
const KILLED = 137;

export interface Ending {
  readonly cause: CrashCause;
  /** When the process ended by itself. */
  readonly exit?: ContainerExit;
  /** When a sidecar ended, and the process goes on. */
  readonly sidecar?: { readonly sourceType: string; readonly exit: ContainerExit };
}

/** Follows a started process until it ends or fails its health check; undefined when `signal` aborts first. */
export async function watch(watched: Watched, deps: InstanceDeps, signal: AbortSignal): Promise<Ending | undefined> {
  let running = watched.wasRunning;
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const aborted = new Promise<undefined>((resolve) => {
    either.addEventListener('abort', () => resolve(undefined), { once: true });
    if (either.aborted) resolve(undefined);
  });
  const unable = Promise.withResolvers<never>();
  let readiness: Promise<void> | undefined;
  const onceRunning = (): void => {
    readiness = followReadiness(watched, deps, either).catch(unable.reject);
  };
  const onRunning = async (): Promise<void> => {
    deps.onStep('healthy', Date.now() - watched.startedAt);
    running = true;
    await watched.onRunning();
    onceRunning();
  };
  if (running) onceRunning();
  const phase = (): 'run' | 'health-check' => (running ? 'run' : 'health-check');
  const exited = watched.container.exited().then((exit): Ending => ({ cause: { phase: phase(), exit }, exit }));
  const sidecars = watched.container.sidecars.map(async ({ name, exited: ended }) => {
    const exit = await ended();
    const sourceType = sourceTypeOf(watched.lrp(), name);
    const ending: Ending = { cause: { phase: phase(), exit, sourceType }, sidecar: { sourceType, exit } };
    const mayBeTheApps = exit.status === undefined || exit.status === KILLED;
    return mayBeTheApps ? Promise.race([exited, delay(EXIT_NEWS_MS, ending, { ref: false })]) : ending;
  });
  const health = followHealth(watched, deps, onRunning, either).then((cause) =>
    // Without a cause it has nothing more to say: the other two decide.
    cause === undefined ? aborted : Promise.race([exited, delay(EXIT_NEWS_MS, { cause }, { ref: false })]),
  );
  try {
    return await Promise.race([exited, ...sidecars, health, unable.promise, aborted]);
  } finally {
    over.abort();
    // They end by the abort; what they could still throw is no longer of interest to anybody.
    unable.promise.catch(() => undefined);
    await health.catch(() => undefined);
    await readiness;
  }
}

function sourceTypeOf({ sidecars, log }: DesiredLrp, name: string): string {
  return sidecars?.find((sidecar) => sidecar.name === name)?.sourceType ?? log.sourceType;
}
