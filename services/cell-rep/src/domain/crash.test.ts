import { instanceSchema } from '@slipway/contracts';
import { expect, test } from 'vitest';
import { type CrashCause, describeCrash, exitLine } from './crash.ts';
import { sampleInstance, sampleLrp } from './samples.test-support.ts';

const cases: [CrashCause, string][] = [
  [{ phase: 'run', exit: { status: 1, outOfMemory: false } }, 'APP/PROC/WEB: Exited with status 1'],
  [{ phase: 'run', exit: { status: 137, outOfMemory: true } }, 'APP/PROC/WEB: Exited with status 137 (out of memory)'],
  [
    { phase: 'run', exit: { status: 1, outOfMemory: true } },
    'APP/PROC/WEB: Exited with status 1 (a process in it was killed before, out of memory)',
  ],
  [{ phase: 'run', exit: { status: 0, outOfMemory: true } }, 'APP/PROC/WEB: Exited with status 0'],
  [{ phase: 'health-check', exit: { status: 3, outOfMemory: false } }, 'APP/PROC/WEB: Exited with status 3'],
  [{ phase: 'run', exit: { status: undefined, outOfMemory: false } }, 'APP/PROC/WEB: Exited with unknown status'],
  [
    { phase: 'run', exit: { status: 2, outOfMemory: false }, sourceType: 'APP/PROC/WEB/SIDECAR/PROXY' },
    'APP/PROC/WEB/SIDECAR/PROXY: Exited with status 2',
  ],
  [{ phase: 'pull', error: 'registry is away' }, 'failed to create container: registry is away'],
  [{ phase: 'create', error: 'no address left' }, 'failed to create container: no address left'],
  [{ phase: 'start', error: 'no such file' }, 'APP/PROC/WEB: failed-creating-process: no such file'],
  [{ phase: 'health-check', afterMs: 60_000, error: 'refused' }, 'Instance never healthy after 1m0s: refused'],
  [{ phase: 'run', unhealthy: 'refused' }, 'Instance became unhealthy: refused'],
];

test.each(cases)('%o reads as Diego has it', (cause, reason) => {
  const crash = describeCrash(cause, sampleLrp(), 7);
  expect(crash).toMatchObject({ phase: cause.phase, reason, ranMs: 7 });
  expect(crash.exitStatus).toBe('exit' in cause ? cause.exit.status : undefined);
  instanceSchema.parse({ ...sampleInstance(1), state: 'CRASHED', crash });
});

test('out of memory is said only of what died of it', () => {
  expect(describeCrash({ phase: 'run', exit: { status: 137, outOfMemory: true } }, sampleLrp(), 0).outOfMemory).toBe(
    true,
  );
  expect(describeCrash({ phase: 'run', exit: { status: 0, outOfMemory: true } }, sampleLrp(), 0).outOfMemory).toBe(
    false,
  );
});

test('a reason is never longer than the record may hold', () => {
  const { reason } = describeCrash({ phase: 'pull', error: 'x'.repeat(5_000) }, sampleLrp(), 0);
  expect(reason).toHaveLength(1_024);
});

test('the exit line tells what ended it', () => {
  expect(exitLine({ status: 0, outOfMemory: false }, undefined)).toBe('Exit status 0');
  expect(exitLine({ status: 137, outOfMemory: false }, { graceMs: 10_000 })).toBe(
    'Exit status 137 (exceeded 10s graceful shutdown interval)',
  );
  expect(exitLine({ status: 137, outOfMemory: true }, undefined)).toBe('Exit status 137 (out of memory)');
});
