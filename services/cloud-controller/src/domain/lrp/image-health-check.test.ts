import { expect, test } from 'vitest';
import type { HealthCheckSettings } from './health-check.ts';
import { imageHealthCheck } from './image-health-check.ts';

const made: HealthCheckSettings = { type: 'port', endpoint: null, invocationTimeoutS: null, intervalS: null };
const docker = { intervalMs: 30_000, timeoutMs: 30_000, retries: 3, startPeriodMs: 0, startIntervalMs: 5_000 };
const check = (test: string[]) => ({ healthcheck: { test } });

test.each([
  [check(['CMD', '/check', 'a b']), ['/check', 'a b']],
  [check(['CMD-SHELL', 'curl -f localhost || exit 1']), ['/bin/sh', '-c', 'curl -f localhost || exit 1']],
  [
    { ...check(['CMD-SHELL', 'x']), shell: ['/bin/bash', '-eo', 'pipefail', '-c'] },
    ['/bin/bash', '-eo', 'pipefail', '-c', 'x'],
  ],
])('%j is executed as %j, at the pace of Docker', (execution, argv) => {
  expect(imageHealthCheck('web', made, execution)).toEqual({ argv, ...docker });
});

test('its own times count', () => {
  const times = { intervalMs: 1, timeoutMs: 2, retries: 4, startPeriodMs: 5, startIntervalMs: 6 };
  expect(imageHealthCheck('web', made, { healthcheck: { test: ['CMD', 'x'], ...times } })).toEqual({
    argv: ['x'],
    ...times,
  });
});

test.each([[{}], [check(['NONE'])], [check([])], [check(['CMD'])], [check(['CMD-SHELL'])], [check(['OTHER', 'x'])]])(
  '%j is none',
  (execution) => expect(imageHealthCheck('web', made, execution)).toBeUndefined(),
);

test.each([
  ['web', { type: 'http' as const }],
  ['web', { type: 'http' as const, endpoint: '/health' }],
  ['web', { type: 'process' as const }],
  ['web', { invocationTimeoutS: 5 }],
  ['web', { intervalS: 5 }],
  ['worker', {}],
])('a %s with a check of its own, %j, keeps it', (type, settings) => {
  expect(imageHealthCheck(type, { ...made, ...settings }, check(['CMD', 'x']))).toBeUndefined();
});

test('of a worker nothing but the process is checked unless the image says how', () => {
  expect(imageHealthCheck('worker', { ...made, type: 'process' }, check(['CMD', 'x']))).toMatchObject({ argv: ['x'] });
});
