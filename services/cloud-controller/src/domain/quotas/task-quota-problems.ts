import type { AppLimits, AppUsage, QuotaScope } from './quota-problems.ts';

export interface TaskLimits extends AppLimits {
  /** Of pending and running ones, of all apps together. */
  readonly per_app_tasks: number | null;
}

export interface TaskDemand {
  readonly memoryMb: number;
  readonly logRateBytesPerSecond: number;
}

/** What is used without the task. `tasks`: pending and running. */
export interface TaskUsage extends Pick<AppUsage, 'memoryMb' | 'logRateBytesPerSecond'> {
  readonly tasks: number;
}

/** Why a quota does not allow a task, in cloud_controller_ng's words (`TaskMaxMemoryPolicy` and its like). */
export function taskQuotaProblems(
  scope: QuotaScope,
  name: string,
  limits: TaskLimits,
  used: TaskUsage,
  task: TaskDemand,
): readonly string[] {
  const { total_memory_in_mb: memory, per_process_memory_in_mb: largest, per_app_tasks: tasks } = limits;
  const logRate = limits.log_rate_limit_in_bytes_per_second;
  const problems: string[] = [];
  if (memory !== null && used.memoryMb + task.memoryMb > memory) {
    problems.push(`memory_in_mb exceeds ${scope} memory quota`);
  }
  if (largest !== null && task.memoryMb > largest) {
    problems.push(`memory_in_mb exceeds ${scope} instance memory quota`);
  }
  if (logRate !== null) {
    if (task.logRateBytesPerSecond < 0) problems.push(`log_rate_limit cannot be unlimited in ${scope} '${name}'.`);
    else if (used.logRateBytesPerSecond + task.logRateBytesPerSecond > logRate) {
      problems.push(`log_rate_limit exceeds ${scope} log rate quota`);
    }
  }
  if (tasks !== null && used.tasks >= tasks) problems.push('app_task_limit quota exceeded');
  return problems;
}
