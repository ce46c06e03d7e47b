/** What the kernel says of a container at one moment; `at` is a monotonic clock in milliseconds. */
export interface UsageSample {
  readonly at: number;
  readonly cpuNanoseconds: number;
  readonly logBytes: number;
}

export interface UsageRates {
  /** Of one core, 1 = all of it. */
  readonly cpu: number;
  readonly logBytesPerSecond: number;
}

/**
 * What an instance uses of what it may count on: of the cell's cores the part that its memory is of the cell's (garden
 * `cpu-entitlement-per-share`, where shares follow memory).
 */
export function cpuEntitlement(
  cpu: number,
  memoryMb: number,
  cell: { readonly cores: number; readonly memoryMb: number },
): number {
  return cell.memoryMb === 0 ? 0 : cpu / (cell.cores * (memoryMb / cell.memoryMb));
}

const MILLISECOND_NS = 1_000_000;

/** The rates between two samples; counters that went backwards (a new process counted anew) give 0. */
export function usageRates(before: UsageSample, after: UsageSample): UsageRates {
  const elapsedMs = after.at - before.at;
  if (elapsedMs <= 0) return { cpu: 0, logBytesPerSecond: 0 };
  return {
    cpu: Math.max(0, after.cpuNanoseconds - before.cpuNanoseconds) / (elapsedMs * MILLISECOND_NS),
    logBytesPerSecond: Math.round((Math.max(0, after.logBytes - before.logBytes) * 1_000) / elapsedMs),
  };
}
