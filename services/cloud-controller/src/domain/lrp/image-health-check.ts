import type { ExecutionMetadata, ImageHealthCheck } from '@slipway/contracts';
import { defaultHealthCheckType, type HealthCheckSettings } from './health-check.ts';

// Docker's defaults (moby, daemon/health.go).
const INTERVAL_MS = 30_000;
const TIMEOUT_MS = 30_000;
const START_INTERVAL_MS = 5_000;
const RETRIES = 3;
const SHELL = ['/bin/sh', '-c'];

/** Has nobody chosen a check for the process? Then it is as it was made. */
function isDefault(processType: string, settings: HealthCheckSettings): boolean {
  const { type, endpoint, invocationTimeoutS, intervalS } = settings;
  const chosen = endpoint !== null || invocationTimeoutS !== null || intervalS !== null;
  return type === defaultHealthCheckType(processType) && !chosen;
}

/** The image's HEALTHCHECK, for a process without a check of its own; undefined where there is none, or it says NONE. */
export function imageHealthCheck(
  processType: string,
  settings: HealthCheckSettings,
  { healthcheck, shell = SHELL }: Pick<ExecutionMetadata, 'healthcheck' | 'shell'>,
): ImageHealthCheck | undefined {
  if (healthcheck === undefined || !isDefault(processType, settings)) return undefined;
  const [form, ...rest] = healthcheck.test;
  const argv = form === 'CMD' ? rest : form === 'CMD-SHELL' ? [...shell, ...rest] : [];
  if (rest.length === 0 || argv.length === 0) return undefined;
  return {
    argv: [...argv],
    intervalMs: healthcheck.intervalMs ?? INTERVAL_MS,
    timeoutMs: healthcheck.timeoutMs ?? TIMEOUT_MS,
    retries: healthcheck.retries ?? RETRIES,
    startPeriodMs: healthcheck.startPeriodMs ?? 0,
    startIntervalMs: healthcheck.startIntervalMs ?? START_INTERVAL_MS,
  };
}
