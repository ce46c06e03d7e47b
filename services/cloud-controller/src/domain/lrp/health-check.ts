import type { HealthCheck, ReadinessCheck } from '@slipway/contracts';

/** As the API stores it; seconds, null where the default holds. */
export interface HealthCheckSettings {
  readonly type: 'port' | 'http' | 'process';
  readonly endpoint: string | null;
  readonly invocationTimeoutS: number | null;
  readonly intervalS: number | null;
}

// Diego's defaults: executor `healthcheck` timeout 1 s, `healthy_monitoring_interval_in_seconds` 30.
const DEFAULT_INVOCATION_TIMEOUT_S = 1;
const DEFAULT_INTERVAL_S = 30;

/** A web process answers on a port, others need only run (cloud_controller_ng `HealthCheckTypes`). */
export function defaultHealthCheckType(processType: string): 'port' | 'process' {
  return processType === 'web' ? 'port' : 'process';
}

export function lrpHealthCheck(settings: HealthCheckSettings): HealthCheck {
  const invocationTimeoutMs = (settings.invocationTimeoutS ?? DEFAULT_INVOCATION_TIMEOUT_S) * 1_000;
  const intervalMs = (settings.intervalS ?? DEFAULT_INTERVAL_S) * 1_000;
  switch (settings.type) {
    case 'process':
      return { type: 'process' };
    case 'port':
      return { type: 'port', invocationTimeoutMs, intervalMs };
    case 'http':
      return { type: 'http', endpoint: settings.endpoint ?? '/', invocationTimeoutMs, intervalMs };
  }
}

/** Undefined where nothing is checked: then what runs is ready. */
export function lrpReadinessCheck(settings: HealthCheckSettings): ReadinessCheck | undefined {
  const check = lrpHealthCheck(settings);
  return check.type === 'process' ? undefined : check;
}
