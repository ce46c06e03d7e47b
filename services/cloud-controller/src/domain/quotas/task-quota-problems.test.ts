import { expect, test } from 'vitest';
import { type TaskLimits, taskQuotaProblems } from './task-quota-problems.ts';

const unlimited: TaskLimits = {
  total_memory_in_mb: null,
  per_process_memory_in_mb: null,
  total_instances: null,
  log_rate_limit_in_bytes_per_second: null,
  per_app_tasks: null,
};
const used = { memoryMb: 100, logRateBytesPerSecond: 10, tasks: 1 };
const task = { memoryMb: 50, logRateBytesPerSecond: 5 };
const problems = (limits: Partial<TaskLimits>, demand = task): readonly string[] =>
  taskQuotaProblems('space', 'dev', { ...unlimited, ...limits }, used, demand);

test('what fits is no problem, to the last byte', () => {
  expect(problems({})).toEqual([]);
  expect(
    problems({
      total_memory_in_mb: 150,
      per_process_memory_in_mb: 50,
      log_rate_limit_in_bytes_per_second: 15,
      per_app_tasks: 2,
      total_instances: 0,
    }),
  ).toEqual([]);
});

test('what does not fit is told in Cloud Foundry’s words', () => {
  expect(problems({ total_memory_in_mb: 149 })).toEqual(['memory_in_mb exceeds space memory quota']);
  expect(problems({ per_process_memory_in_mb: 49 })).toEqual(['memory_in_mb exceeds space instance memory quota']);
  expect(problems({ log_rate_limit_in_bytes_per_second: 14 })).toEqual(['log_rate_limit exceeds space log rate quota']);
  expect(problems({ log_rate_limit_in_bytes_per_second: 99 }, { ...task, logRateBytesPerSecond: -1 })).toEqual([
    "log_rate_limit cannot be unlimited in space 'dev'.",
  ]);
  expect(problems({ per_app_tasks: 1 })).toEqual(['app_task_limit quota exceeded']);
});
