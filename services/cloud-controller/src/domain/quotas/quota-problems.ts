/** Limits of a quota; null is unlimited. As the API shows them. */
export interface AppLimits {
  readonly total_memory_in_mb: number | null;
  readonly per_process_memory_in_mb: number | null;
  readonly total_instances: number | null;
  readonly log_rate_limit_in_bytes_per_second: number | null;
}

/** What started apps of an organization or a space take. */
export interface AppUsage {
  readonly memoryMb: number;
  /** Of an instance of each process, by the process's guid. */
  readonly processMb: Readonly<Record<string, number>>;
  readonly instances: number;
  readonly logRateBytesPerSecond: number;
  /** Instances whose log rate has no limit. */
  readonly unlimitedLogRates: number;
}

export type QuotaScope = 'organization' | 'space';

/** cloud_controller_ng's names for what is exceeded (`max_memory_policy.rb` and its like). */
const names = {
  organization: {
    memory: 'memory quota_exceeded',
    process: 'memory instance_memory_limit_exceeded',
    instances: 'app_instance_limit app_instance_limit_exceeded',
    logRate: 'log_rate_limit exceeds_available_log_rate',
    unlimited: 'log_rate_limit app_requires_log_rate_limit_to_be_specified',
  },
  space: {
    memory: 'memory space_quota_exceeded',
    process: 'memory space_instance_memory_limit_exceeded',
    instances: 'app_instance_limit space_app_instance_limit_exceeded',
    logRate: 'log_rate_limit exceeds_available_log_rate',
    unlimited: 'log_rate_limit app_requires_log_rate_limit_to_be_specified',
  },
} as const;

/**
 * Why a change goes beyond a quota. What was beyond it before may stay and may shrink: quotas are lowered while apps
 * run.
 */
export function appQuotaProblems(
  scope: QuotaScope,
  limits: AppLimits,
  before: AppUsage,
  after: AppUsage,
): readonly string[] {
  const exceeds = (name: Exclude<keyof AppUsage, 'processMb'>, limit: number | null): boolean =>
    limit !== null && after[name] > limit && after[name] > before[name];
  const tell = (name: string, used: number, limit: number | null, unit: string): string =>
    `${name} (${used}${unit} of ${limit ?? ''}${unit} in the ${scope})`;
  const {
    total_memory_in_mb: memory,
    per_process_memory_in_mb: process,
    total_instances: instances,
    log_rate_limit_in_bytes_per_second: logRate,
  } = limits;
  const text = names[scope];
  const problems: string[] = [];
  if (exceeds('memoryMb', memory)) problems.push(tell(text.memory, after.memoryMb, memory, ' MB'));
  if (process !== null) {
    const grown = Object.entries(after.processMb).filter(
      ([guid, mb]) => mb > process && mb > (before.processMb[guid] ?? 0),
    );
    if (grown.length > 0) problems.push(tell(text.process, Math.max(...grown.map(([, mb]) => mb)), process, ' MB'));
  }
  if (exceeds('instances', instances)) problems.push(tell(text.instances, after.instances, instances, ''));
  if (logRate !== null && after.unlimitedLogRates > before.unlimitedLogRates) problems.push(text.unlimited);
  if (exceeds('logRateBytesPerSecond', logRate)) {
    problems.push(tell(text.logRate, after.logRateBytesPerSecond, logRate, ' B/s'));
  }
  return problems;
}

/** Does one more of something go beyond its limit? */
export function countExceeded(limit: number | null, after: number): boolean {
  return limit !== null && after > limit;
}
