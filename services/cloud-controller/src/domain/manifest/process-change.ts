import type { ManifestProcess } from './manifest.ts';

/** A process's settings, named as its columns are. */
export interface ProcessSettings {
  readonly command: string | null;
  readonly instances: number;
  readonly memory_mb: number;
  readonly disk_mb: number;
  readonly log_rate_bytes_per_second: number;
  readonly health_check_type: 'port' | 'http' | 'process';
  readonly health_check_endpoint: string | null;
  readonly health_check_timeout: number | null;
  readonly health_check_invocation_timeout: number | null;
  readonly health_check_interval: number | null;
  readonly readiness_type: 'port' | 'http' | 'process';
  readonly readiness_endpoint: string | null;
  readonly readiness_invocation_timeout: number | null;
  readonly readiness_interval: number | null;
  /** Null: the image's user. */
  readonly run_as: string | null;
}

export type ProcessChangeResult =
  | { readonly outcome: 'decided'; readonly change: Partial<ProcessSettings> }
  | { readonly outcome: 'rejected'; readonly problem: string };

/** What of a process has to change to be as the manifest says. */
export function decideProcessChange(current: ProcessSettings, wish: ManifestProcess): ProcessChangeResult {
  const type = wish.healthCheckType ?? current.health_check_type;
  if (wish.healthCheckEndpoint !== undefined && type !== 'http') {
    return { outcome: 'rejected', problem: 'Health check type must be "http" to set a health check HTTP endpoint.' };
  }
  const readiness = wish.readinessType ?? current.readiness_type;
  if (wish.readinessEndpoint !== undefined && readiness !== 'http') {
    const problem = 'Readiness health check type must be "http" to set a health check HTTP endpoint.';
    return { outcome: 'rejected', problem };
  }
  const wanted: ProcessSettings = {
    command: wish.command === undefined ? current.command : wish.command,
    instances: wish.instances ?? current.instances,
    memory_mb: wish.memoryMb ?? current.memory_mb,
    disk_mb: wish.diskMb ?? current.disk_mb,
    log_rate_bytes_per_second: wish.logRateBytesPerSecond ?? current.log_rate_bytes_per_second,
    health_check_type: type,
    health_check_endpoint: type === 'http' ? (wish.healthCheckEndpoint ?? current.health_check_endpoint ?? '/') : null,
    health_check_timeout: wish.timeoutS ?? current.health_check_timeout,
    health_check_invocation_timeout: wish.healthCheckInvocationTimeoutS ?? current.health_check_invocation_timeout,
    health_check_interval: wish.healthCheckIntervalS ?? current.health_check_interval,
    readiness_type: readiness,
    readiness_endpoint: readiness === 'http' ? (wish.readinessEndpoint ?? current.readiness_endpoint ?? '/') : null,
    readiness_invocation_timeout: wish.readinessInvocationTimeoutS ?? current.readiness_invocation_timeout,
    readiness_interval: wish.readinessIntervalS ?? current.readiness_interval,
    run_as: wish.user ?? current.run_as,
  };
  const changed = Object.entries(wanted).filter(([name, value]) => value !== current[name as keyof ProcessSettings]);
  return { outcome: 'decided', change: Object.fromEntries(changed) };
}
