import type { HealthLine, NextCheck } from './health-monitor.ts';

/** All in milliseconds; times are of a monotonic clock. */
export interface ReadinessPolicy {
  /** Between checks of a ready instance. */
  readonly intervalMs: number;
  readonly invocationTimeoutMs: number;
}

export interface ReadinessState {
  readonly ready: boolean;
  /** Failed checks in a row of an instance that never was ready yet. */
  readonly attempts: number;
}

export interface ReadinessStep {
  /** `unchanged`: ready or not, it is as it was. */
  readonly kind: 'unchanged' | 'became-ready' | 'became-unready';
  readonly state: ReadinessState;
  readonly next: NextCheck;
  readonly lines: readonly HealthLine[];
}

/** Diego's interval until a success (`unhealthy_monitoring_interval_in_seconds`). */
const UNREADY_INTERVAL_MS = 2_000;
// The first checks follow faster, so that an app that is ready in 100 ms does not wait 2 s for its first request.
const FIRST_INTERVAL_MS = 25;

/** The instance runs: check at once, and until then route nothing to it. */
export function beginReadiness(now: number, policy: ReadinessPolicy): ReadinessStep {
  return {
    kind: 'unchanged',
    state: { ready: false, attempts: 0 },
    next: { at: now, timeoutMs: policy.invocationTimeoutMs },
    lines: [{ source: 'HEALTH', stream: 'OUT', text: 'Starting readiness health monitoring of container' }],
  };
}

/** It is as the rep before this one left it, until a check says otherwise. */
export function resumeReadiness(ready: boolean, now: number, policy: ReadinessPolicy): ReadinessStep {
  const next = { at: now, timeoutMs: policy.invocationTimeoutMs };
  // Whatever it was checked before, it is not new any more.
  return { kind: 'unchanged', state: { ready, attempts: MANY }, next, lines: [] };
}

const MANY = 10;

/** `error` is undefined when the check passed. One failure makes a ready instance unready, one success ready (Diego). */
export function afterReadinessCheck(
  state: ReadinessState,
  error: string | undefined,
  now: number,
  policy: ReadinessPolicy,
): ReadinessStep {
  const ready = error === undefined;
  const attempts = ready ? MANY : Math.min(state.attempts + 1, MANY);
  const next = { at: now + pause(ready, attempts, policy), timeoutMs: policy.invocationTimeoutMs };
  const step = { state: { ready, attempts }, next };
  if (ready === state.ready) return { kind: 'unchanged', ...step, lines: [] };
  if (ready) {
    const text = 'Container passed the readiness health check. Container marked ready and added to route pool.';
    return { kind: 'became-ready', ...step, lines: [{ source: 'HEALTH', stream: 'OUT', text }] };
  }
  const text = 'Container failed the readiness health check. Container marked not ready and removed from route pool.';
  return {
    kind: 'became-unready',
    ...step,
    lines: [
      { source: 'HEALTH', stream: 'ERR', text: `Readiness check unsuccessful: ${error}` },
      { source: 'HEALTH', stream: 'OUT', text },
    ],
  };
}

function pause(ready: boolean, attempts: number, { intervalMs }: ReadinessPolicy): number {
  return ready ? intervalMs : Math.min(FIRST_INTERVAL_MS * 2 ** (attempts - 1), UNREADY_INTERVAL_MS);
}
