import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  afterImageCheck,
  beginImageHealth,
  type ImageHealthPolicy,
  type ImageHealthState,
  resumeImageHealth,
} from './image-health.ts';

const policy: ImageHealthPolicy = {
  intervalMs: 30_000,
  timeoutMs: 10_000,
  retries: 3,
  startPeriodMs: 0,
  startIntervalMs: 5_000,
  startTimeoutMs: 60_000,
};
const failed = 'it exited with status 1: refused';

test('a starting instance is checked at once, then less and less often, and told of once', () => {
  let step = beginImageHealth(1_000, 1_100, policy);
  expect(step).toMatchObject({ kind: 'wait', next: { at: 1_100, timeoutMs: 10_000 } });
  const pauses: number[] = [];
  const lines: string[] = [];
  for (let now = 1_100; step.kind === 'wait'; now = step.next.at) {
    pauses.push(now);
    step = afterImageCheck(step.state, failed, now, policy);
    lines.push(...step.lines.map(({ text }) => text));
    if (step.kind !== 'wait') break;
  }
  expect(pauses.slice(1, 7).map((at, i) => at - (pauses[i] ?? 0))).toEqual([250, 500, 1_000, 2_000, 4_000, 5_000]);
  expect(pauses.at(-1)).toBe(61_000);
  const message = `Timed out after 1m0s (${pauses.length} attempts) waiting for startup check to succeed: ${failed}`;
  expect(lines).toEqual([
    `Image health check unsuccessful: ${failed}`,
    message,
    'Failed after 1m0s: startup health check never passed.',
  ]);
  expect(step).toMatchObject({ kind: 'crash', cause: { phase: 'health-check', error: message } });
});

test('a long start period is waited for', () => {
  const slow = { ...policy, startPeriodMs: 300_000 };
  const begun = beginImageHealth(0, 0, slow);
  if (begun.kind === 'crash') throw new Error('it has only begun');
  const { state } = begun;
  expect(afterImageCheck(state, failed, 299_999, slow)).toMatchObject({ kind: 'wait', next: { at: 300_000 } });
  expect(afterImageCheck(state, failed, 300_000, slow)).toMatchObject({ kind: 'crash' });
});

test('one success makes it healthy, and so many failures in a row unhealthy', () => {
  const begun = beginImageHealth(0, 0, policy);
  if (begun.kind === 'crash') throw new Error('it has only begun');
  const healthy = afterImageCheck(begun.state, undefined, 500, policy);
  expect(healthy).toMatchObject({ kind: 'became-healthy', next: { at: 30_500 } });
  let state: ImageHealthState = healthy.kind === 'crash' ? begun.state : healthy.state;
  const outcomes = [failed, failed, undefined, failed, failed, failed].map((error, i) => {
    const step = afterImageCheck(state, error, i * 40_000, policy);
    if (step.kind !== 'crash') state = step.state;
    return step.kind === 'crash' ? step.cause : step.kind;
  });
  const unhealthy = `Image health check unsuccessful (3 of 3 attempts): ${failed}`;
  expect(outcomes).toEqual(['wait', 'wait', 'wait', 'wait', 'wait', { phase: 'run', unhealthy }]);
});

test('after a restart of the rep it is healthy until checks say otherwise', () => {
  const step = resumeImageHealth(7, policy);
  expect(step).toMatchObject({ kind: 'wait', state: { stage: 'healthy', failures: 0 }, next: { at: 7 } });
});

test('whatever the times are, the next check is not in the past, and none goes on for ever', () => {
  const ms = fc.integer({ min: 1, max: 1_000_000 });
  const times = fc.record({
    intervalMs: ms,
    timeoutMs: ms,
    retries: fc.integer({ min: 1, max: 5 }),
    startPeriodMs: ms,
    startIntervalMs: ms,
    startTimeoutMs: ms,
  });
  fc.assert(
    fc.property(times, fc.array(fc.boolean(), { maxLength: 50 }), (anyTimes, passes) => {
      let step = beginImageHealth(0, 0, anyTimes);
      let now = 0;
      for (const passed of passes) {
        if (step.kind === 'crash') return;
        expect(step.next.at).toBeGreaterThanOrEqual(now);
        expect(step.next.timeoutMs).toBeGreaterThan(0);
        expect(step.next.timeoutMs).toBeLessThanOrEqual(anyTimes.timeoutMs);
        now = step.next.at;
        step = afterImageCheck(step.state, passed ? undefined : failed, now, anyTimes);
      }
    }),
  );
});
