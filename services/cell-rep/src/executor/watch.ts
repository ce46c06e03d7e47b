import { setTimeout as delay } from 'node:timers/promises';
import type { DesiredLrp } from '@slipway/contracts';
import type { CrashCause } from '../domain/crash.ts';
import { beginStartup, type HealthPolicy, resumeHealthy } from '../domain/health-monitor.ts';
import { runHealthLoop } from './health-loop.ts';
import type { InstanceDeps } from './instance-deps.ts';
import type { InstanceLog } from './instance-log.ts';
import type { Container, ContainerExit } from './ports.ts';

// Of a process that has ended no check succeeds, and the news of its end may come a moment after that of the check.
const EXIT_NEWS_MS = 500;

export interface Watched {
  readonly lrp: () => DesiredLrp;
  readonly container: Container;
  /** Of its process, wall-clock milliseconds. */
  readonly startedAt: number;
  /** It was RUNNING when the rep before this one left it. */
  readonly wasRunning: boolean;
  readonly log: InstanceLog;
  readonly onRunning: () => Promise<void>;
}

export interface Ending {
  readonly cause: CrashCause;
  /** When the process ended by itself. */
  readonly exit?: ContainerExit;
}

/** Follows a started process until it ends or fails its health check; undefined when `signal` aborts first. */
export async function watch(watched: Watched, deps: InstanceDeps, signal: AbortSignal): Promise<Ending | undefined> {
  let running = watched.wasRunning;
  const onRunning = async (): Promise<void> => {
    deps.onStep('healthy', Date.now() - watched.startedAt);
    running = true;
    await watched.onRunning();
  };
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const aborted = new Promise<undefined>((resolve) => {
    either.addEventListener('abort', () => resolve(undefined), { once: true });
    if (either.aborted) resolve(undefined);
  });
  const exited = watched.container.exited().then((exit): Ending => {
    return { cause: { phase: running ? 'run' : 'health-check', exit }, exit };
  });
  const health = followHealth(watched, deps, onRunning, either).then((cause) =>
    // Without a cause it has nothing more to say: the other two decide.
    cause === undefined ? aborted : Promise.race([exited, delay(EXIT_NEWS_MS, { cause }, { ref: false })]),
  );
  try {
    return await Promise.race([exited, health, aborted]);
  } finally {
    over.abort();
    // It ends by the abort; what it could still throw is no longer of interest to anybody.
    await health.catch(() => undefined);
  }
}

async function followHealth(
  { lrp, container, startedAt, wasRunning, log }: Watched,
  deps: InstanceDeps,
  onRunning: () => Promise<void>,
  signal: AbortSignal,
): Promise<CrashCause | undefined> {
  const { healthCheck, startTimeoutMs } = lrp();
  if (healthCheck.type === 'process') {
    if (!wasRunning) await onRunning();
    return undefined;
  }
  const { intervalMs, invocationTimeoutMs } = healthCheck;
  const policy: HealthPolicy = { startTimeoutMs, intervalMs, invocationTimeoutMs };
  const now = performance.now();
  const first = wasRunning ? resumeHealthy(now, policy) : beginStartup(now - (Date.now() - startedAt), now, policy);
  return await runHealthLoop(
    first,
    {
      policy,
      check: (timeoutMs, checkSignal) => deps.probe(lrp(), container.address, timeoutMs, checkSignal),
      onLines: (lines) => log.health(lines),
      onHealthy: onRunning,
    },
    signal,
  );
}
