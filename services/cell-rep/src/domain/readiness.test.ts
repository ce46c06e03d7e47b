import fc from 'fast-check';
import { expect, test } from 'vitest';
import { afterReadinessCheck, beginReadiness, type ReadinessStep, resumeReadiness } from './readiness.ts';

const policy = { intervalMs: 30_000, invocationTimeoutMs: 1_000 };
const refused = 'failed to make TCP connection to 10.254.0.2:8080: connect: connection refused';

test('an instance that never was ready is checked at once, soon again, and then every 2 s', () => {
  let step: ReadinessStep = beginReadiness(0, policy);
  expect(step).toMatchObject({ kind: 'unchanged', state: { ready: false }, next: { at: 0, timeoutMs: 1_000 } });
  const gaps: number[] = [];
  for (let now = 0, i = 0; i < 10; i++) {
    step = afterReadinessCheck(step.state, refused, now, policy);
    expect(step).toMatchObject({ kind: 'unchanged', lines: [] });
    gaps.push(step.next.at - now);
    now = step.next.at;
  }
  expect(gaps).toEqual([25, 50, 100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000]);
});

test('one success makes it ready, one failure unready, and each is told in Diego’s words', () => {
  const ready = afterReadinessCheck({ ready: false, attempts: 3 }, undefined, 100, policy);
  expect(ready).toMatchObject({
    kind: 'became-ready',
    next: { at: 30_100 },
    lines: [
      {
        source: 'HEALTH',
        stream: 'OUT',
        text: 'Container passed the readiness health check. Container marked ready and added to route pool.',
      },
    ],
  });
  const unready = afterReadinessCheck(ready.state, refused, 40_000, policy);
  expect(unready).toMatchObject({ kind: 'became-unready', next: { at: 42_000 } });
  expect(unready.lines.map(({ text }) => text)).toEqual([
    `Readiness check unsuccessful: ${refused}`,
    'Container failed the readiness health check. Container marked not ready and removed from route pool.',
  ]);
});

test('the next rep goes on where the one before was', () => {
  const resumed = resumeReadiness(true, 7, policy);
  expect(resumed).toMatchObject({ kind: 'unchanged', state: { ready: true }, next: { at: 7 }, lines: [] });
  expect(afterReadinessCheck(resumed.state, refused, 8, policy)).toMatchObject({
    kind: 'became-unready',
    next: { at: 2_008 },
  });
});

test('whatever comes, it is ready exactly when the last check passed, and each change is told once', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean()), fc.boolean(), (passes, wasReady) => {
      let step = resumeReadiness(wasReady, 0, policy);
      let before = wasReady;
      for (const passed of passes) {
        const now = step.next.at;
        step = afterReadinessCheck(step.state, passed ? undefined : refused, now, policy);
        expect(step.state.ready).toBe(passed);
        expect(step.kind).toBe(passed === before ? 'unchanged' : passed ? 'became-ready' : 'became-unready');
        expect(step.lines.length === 0).toBe(step.kind === 'unchanged');
        expect(step.next.at).toBeGreaterThan(now);
        expect(step.next.at - now).toBe(passed ? policy.intervalMs : 2_000);
        before = passed;
      }
    }),
  );
});
