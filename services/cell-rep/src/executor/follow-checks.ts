import type { HealthCheck, ImageHealthCheck, ReadinessCheck } from '@slipway/contracts';
import type { CrashCause } from '../domain/crash.ts';
import { explainCheck } from '../domain/explain-check.ts';
import { afterCheck, beginStartup, type HealthPolicy, resumeHealthy } from '../domain/health-monitor.ts';
import { afterImageCheck, beginImageHealth, resumeImageHealth } from '../domain/image-health.ts';
import { beginReadiness, resumeReadiness } from '../domain/readiness.ts';
import { runHealthLoop } from './health-loop.ts';
import type { InstanceDeps } from './instance-deps.ts';
import type { Container } from './ports.ts';
import { runReadinessLoop } from './readiness-loop.ts';
import type { Watched } from './watched.ts';

/** Until its health check fails, and why; undefined when `signal` aborts, or at once when there is nothing to check. */
export async function followHealth(
  watched: Watched,
  deps: InstanceDeps,
  onRunning: () => Promise<void>,
  signal: AbortSignal,
): Promise<CrashCause | undefined> {
  const { lrp, container, startedAt, wasRunning, log } = watched;
  const { healthCheck, imageHealthCheck, startTimeoutMs, ports } = lrp();
  if (imageHealthCheck !== undefined) return await followImageCheck(watched, imageHealthCheck, onRunning, signal);
  if (healthCheck.type === 'process') {
    if (!wasRunning) await onRunning();
    return undefined;
  }
  const { intervalMs, invocationTimeoutMs } = healthCheck;
  const policy: HealthPolicy = { startTimeoutMs, intervalMs, invocationTimeoutMs };
  const now = performance.now();
  const first = wasRunning ? resumeHealthy(now, policy) : beginStartup(now - (Date.now() - startedAt), now, policy);
  const { address } = container;
  return await runHealthLoop(
    first,
    {
      after: (state, error, at) => afterCheck(state, error, at, policy),
      check: (timeoutMs, checkSignal) => deps.probe(healthCheck, { address, ports }, timeoutMs, checkSignal),
      explain: () => explain(healthCheck, container, ports, deps),
      onLines: (lines) => log.health(lines),
      onHealthy: onRunning,
    },
    signal,
  );
}

/** The same by the image's own check, which runs inside of the container. */
async function followImageCheck(
  { lrp, container, startedAt, wasRunning, log }: Watched,
  { argv, ...times }: ImageHealthCheck,
  onRunning: () => Promise<void>,
  signal: AbortSignal,
): Promise<CrashCause | undefined> {
  const { action, startTimeoutMs } = lrp();
  const policy = { ...times, startTimeoutMs };
  const now = performance.now();
  const begunAt = now - (Date.now() - startedAt);
  const first = wasRunning ? resumeImageHealth(now, policy) : beginImageHealth(begunAt, now, policy);
  const check = { argv, directory: action.workdir };
  return await runHealthLoop(
    first,
    {
      after: (state, error, at) => afterImageCheck(state, error, at, policy),
      check: (timeoutMs, checkSignal) => container.check(check, timeoutMs, checkSignal),
      explain: async () => "(the image's HEALTHCHECK)",
      onLines: (lines) => log.health(lines),
      onHealthy: onRunning,
    },
    signal,
  );
}

/** Tells whenever a running instance becomes ready or is so no more; until `signal` aborts. */
export async function followReadiness(
  { lrp, container, wasRunning, wasRoutable, log, onReadiness }: Watched,
  deps: InstanceDeps,
  signal: AbortSignal,
): Promise<void> {
  const { readinessCheck, ports } = lrp();
  if (readinessCheck === undefined) return;
  const { intervalMs, invocationTimeoutMs } = readinessCheck;
  const policy = { intervalMs, invocationTimeoutMs };
  const now = performance.now();
  const first = wasRunning ? resumeReadiness(wasRoutable, now, policy) : beginReadiness(now, policy);
  const { address } = container;
  await runReadinessLoop(
    first,
    {
      policy,
      check: (timeoutMs, checkSignal) => deps.probe(readinessCheck, { address, ports }, timeoutMs, checkSignal),
      explain: () => explain(readinessCheck, container, ports, deps),
      onLines: (lines) => log.health(lines),
      onChange: onReadiness,
    },
    signal,
  );
}

/** Where it listens is a help; when that cannot be read the check has failed all the same. */
async function explain(
  check: HealthCheck | ReadinessCheck,
  container: Container,
  ports: readonly number[],
  { logger }: InstanceDeps,
): Promise<string> {
  const listeners = await container.listeners().catch((error: unknown) => {
    logger.warn({ err: error, instanceGuid: container.instanceGuid }, 'instance.listeners-unknown');
    return undefined;
  });
  return explainCheck(check, { address: container.address, ports }, listeners);
}
