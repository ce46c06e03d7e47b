import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AppLimits, type AppUsage, appQuotaProblems } from './quota-problems.ts';

const unlimited: AppLimits = {
  total_memory_in_mb: null,
  per_process_memory_in_mb: null,
  total_instances: null,
  log_rate_limit_in_bytes_per_second: null,
};
const idle: AppUsage = {
  memoryMb: 0,
  processMb: {},
  instances: 0,
  logRateBytesPerSecond: 0,
  unlimitedLogRates: 0,
};

test.each<[Partial<AppLimits>, Partial<AppUsage>, string]>([
  [{ total_memory_in_mb: 512 }, { memoryMb: 513 }, 'memory quota_exceeded (513 MB of 512 MB in the organization)'],
  [
    { per_process_memory_in_mb: 64 },
    { processMb: { a: 128 } },
    'memory instance_memory_limit_exceeded (128 MB of 64 MB',
  ],
  [{ total_instances: 1 }, { instances: 2 }, 'app_instance_limit app_instance_limit_exceeded (2 of 1'],
  [{ log_rate_limit_in_bytes_per_second: 9 }, { logRateBytesPerSecond: 10 }, 'exceeds_available_log_rate'],
  [{ log_rate_limit_in_bytes_per_second: 9 }, { unlimitedLogRates: 1 }, 'app_requires_log_rate_limit_to_be_specified'],
  [{ total_instances: 0 }, { instances: 1 }, 'app_instance_limit_exceeded'],
])('%j does not allow %j', (limits, usage, text) => {
  const problems = appQuotaProblems('organization', { ...unlimited, ...limits }, idle, { ...idle, ...usage });
  expect(problems).toEqual([expect.stringContaining(text)]);
});

const limit = fc.option(fc.nat(1000));
const limits = fc.record({
  total_memory_in_mb: limit,
  per_process_memory_in_mb: limit,
  total_instances: limit,
  log_rate_limit_in_bytes_per_second: limit,
});
const amount = fc.nat(2000);
const usages = fc.record({
  memoryMb: amount,
  processMb: fc.dictionary(fc.constantFrom('a', 'b', 'c'), amount),
  instances: amount,
  logRateBytesPerSecond: amount,
  unlimitedLogRates: amount,
});
const scopes = fc.constantFrom('organization' as const, 'space' as const);

test('what shrinks or stays is never refused', () => {
  fc.assert(
    fc.property(scopes, limits, usages, usages, (scope, quota, one, other) => {
      const less: AppUsage = {
        memoryMb: Math.min(one.memoryMb, other.memoryMb),
        instances: Math.min(one.instances, other.instances),
        logRateBytesPerSecond: Math.min(one.logRateBytesPerSecond, other.logRateBytesPerSecond),
        unlimitedLogRates: Math.min(one.unlimitedLogRates, other.unlimitedLogRates),
        processMb: Object.fromEntries(
          Object.entries(one.processMb).map(([guid, mb]) => [guid, Math.min(mb, other.processMb[guid] ?? mb)]),
        ),
      };
      expect(appQuotaProblems(scope, quota, one, less)).toEqual([]);
    }),
  );
});

test('what a quota lets pass is below it, or was there before', () => {
  fc.assert(
    fc.property(scopes, limits, usages, usages, (scope, quota, before, after) => {
      if (appQuotaProblems(scope, quota, before, after).length > 0) return;
      expect(after.memoryMb <= (quota.total_memory_in_mb ?? Infinity) || after.memoryMb <= before.memoryMb).toBe(true);
      expect(after.instances <= (quota.total_instances ?? Infinity) || after.instances <= before.instances).toBe(true);
    }),
  );
});
