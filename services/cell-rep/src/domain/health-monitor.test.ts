import fc from 'fast-check';
import { expect, test } from 'vitest';
import { afterCheck, beginStartup, type HealthPolicy, type HealthStep, resumeHealthy } from './health-monitor.ts';

const policy: HealthPolicy = { startTimeoutMs: 60_000, intervalMs: 30_000, invocationTimeoutMs: 1_000 };
const refused = 'failed to make TCP connection to 10.254.0.2:8080: connect: connection refused';

function waiting(step: HealthStep): Exclude<HealthStep, { kind: 'crash' }> {
  if (step.kind === 'crash') throw new Error(`crashed: ${JSON.stringify(step.cause)}`);
  return step;
}

/** Runs checks on a fake clock, each taking `checkMs`, until `isUp` or the end. */
function run(isUp: (now: number) => boolean, checkMs = 1): { step: HealthStep; now: number; checks: number[] } {
  let step: HealthStep = beginStartup(0, 0, policy);
  const checks: number[] = [];
  let now = 0;
  while (step.kind === 'wait') {
    now = Math.max(now, step.next.at);
    checks.push(now);
    const error = isUp(now) ? undefined : refused;
    now += Math.min(checkMs, step.next.timeoutMs);
    step = afterCheck(step.state, error, now, policy);
  }
  return { step, now, checks };
}

test('checks at once, soon again, and then every 2 s until the first success', () => {
  const { step, checks } = run((now) => now >= 10_000);
  expect(step).toMatchObject({ kind: 'became-healthy', lines: [{ source: 'CELL', text: 'Container became healthy' }] });
  const gaps = checks.slice(1).map((at, i) => at - (checks[i] as number) - 1);
  const late = checks.findIndex((at) => at >= 8_000);
  for (const [i, gap] of gaps.slice(0, late).entries()) {
    const elapsed = (checks[i] as number) + 1;
    expect(gap).toBeCloseTo(Math.max(2, elapsed / 4), 9);
  }
  expect(late).toBeLessThan(35);
  for (const gap of gaps.slice(late)) expect(gap).toBeCloseTo(2_000, 9);
});

test('gives up at the start timeout, with address, attempts and last error in words', () => {
  const { step, now, checks } = run(() => false);
  expect(now).toBe(60_001);
  expect(checks.at(-1)).toBe(60_000);
  const message = `Timed out after 1m0s (${checks.length} attempts) waiting for startup check to succeed: ${refused}`;
  expect(step).toEqual({
    kind: 'crash',
    cause: { phase: 'health-check', afterMs: 60_001, error: message },
    lines: [
      { source: 'HEALTH', stream: 'ERR', text: message },
      { source: 'CELL', stream: 'ERR', text: 'Failed after 1m0.001s: startup health check never passed.' },
    ],
  });
});

test('an app that comes up in the last moment lives', () => {
  expect(run((now) => now >= 60_000).step.kind).toBe('became-healthy');
});

test('the startup never lasts longer than the timeout and one last check', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 300_000 }),
      fc.integer({ min: 1, max: 300_000 }),
      fc.integer({ min: 0, max: 400_000 }),
      (startTimeoutMs, invocationTimeoutMs, checkMs) => {
        const limits = { ...policy, startTimeoutMs, invocationTimeoutMs };
        let step: HealthStep = beginStartup(0, 0, limits);
        let now = 0;
        while (step.kind === 'wait') {
          expect(step.next.at).toBeGreaterThanOrEqual(now);
          expect(step.next.timeoutMs).toBeGreaterThan(0);
          now = Math.max(now, step.next.at) + Math.min(checkMs, step.next.timeoutMs);
          step = afterCheck(step.state, refused, now, limits);
        }
        expect(step.kind).toBe('crash');
        expect(now).toBeGreaterThanOrEqual(startTimeoutMs);
        expect(now).toBeLessThanOrEqual(startTimeoutMs + 1_000);
      },
    ),
  );
});

test('a healthy instance is checked at its interval, and dies of one failure', () => {
  const healthy = waiting(resumeHealthy(5, policy));
  expect(healthy.next.at).toBe(5);
  const passed = waiting(afterCheck(healthy.state, undefined, 10, policy));
  expect(passed).toMatchObject({ kind: 'wait', next: { at: 30_010, timeoutMs: 1_000 }, lines: [] });
  const message = `Liveness check unsuccessful: ${refused}`;
  expect(afterCheck(passed.state, refused, 30_011, policy)).toEqual({
    kind: 'crash',
    cause: { phase: 'run', unhealthy: message },
    lines: [
      { source: 'HEALTH', stream: 'ERR', text: message },
      { source: 'CELL', stream: 'ERR', text: 'Container became unhealthy' },
    ],
  });
});
