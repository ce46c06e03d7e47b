/** Cloud Controller's `pid_limit` and `instance_file_descriptor_limit`. */
export const MAX_PIDS = 1024;
export const FILE_DESCRIPTORS = 16_384;

// Cloud Controller's `cpu_weight_min_memory`, `cpu_weight_max_memory`.
const MIN_MEMORY_MB = 128;
const MAX_MEMORY_MB = 8192;

/** A process's share of the cpu grows with its memory: 128 MB is 1, 1 GB is 12, 8 GB and more are 100. */
export function cpuWeight(memoryMb: number): number {
  const clamped = Math.min(Math.max(memoryMb, MIN_MEMORY_MB), MAX_MEMORY_MB);
  return Math.floor((100 * clamped) / MAX_MEMORY_MB);
}
