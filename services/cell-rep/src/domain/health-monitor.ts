import type { CrashCause } from './crash.ts';
import { goDuration } from './go-duration.ts';

/** All in milliseconds; times are of a monotonic clock. */
export interface HealthPolicy {
  /** From the start of the process; Diego: 60 s by default, 180 s at most. */
  readonly startTimeoutMs: number;
  /** Between checks of a healthy instance. */
  readonly intervalMs: number;
  readonly invocationTimeoutMs: number;
}

export interface NextCheck {
  readonly at: number;
  readonly timeoutMs: number;
}

/** A line for the app's log. */
export interface HealthLine {
  readonly source: 'CELL' | 'HEALTH';
  readonly stream: 'OUT' | 'ERR';
  readonly text: string;
}

export type HealthState =
  | { readonly stage: 'startup'; readonly startedAt: number; readonly attempts: number }
  | { readonly stage: 'healthy' };

export type HealthStep<State = HealthState> =
  | {
      readonly kind: 'wait';
      readonly state: State;
      readonly next: NextCheck;
      readonly lines: readonly HealthLine[];
    }
  | {
      readonly kind: 'became-healthy';
      readonly state: State;
      readonly next: NextCheck;
      readonly lines: readonly HealthLine[];
    }
  | { readonly kind: 'crash'; readonly cause: CrashCause; readonly lines: readonly HealthLine[] };

/** Diego's interval until the first success (`unhealthy_monitoring_interval_in_seconds`). */
const STARTUP_INTERVAL_MS = 2_000;
// The first checks follow faster, so that an app that is up in 100 ms does not wait 2 s for its first request: each after
// a quarter of the time that the start has taken so far. That is some 30 checks until they are 2 s apart.
const FIRST_INTERVAL_MS = 2;
const SHARE_OF_START = 4;
// The last check may begin just before the deadline, and still gets this long.
const LAST_CHECK_MS = 1_000;

/** The process was started at `startedAt`: check at once. */
export function beginStartup(startedAt: number, now: number, policy: HealthPolicy): HealthStep {
  return {
    kind: 'wait',
    state: { stage: 'startup', startedAt, attempts: 0 },
    next: { at: now, timeoutMs: startupTimeout(startedAt, now, policy) },
    lines: [{ source: 'CELL', stream: 'OUT', text: 'Starting health monitoring of container' }],
  };
}

/** An instance that was healthy when the rep went away: it still is, until a check says otherwise. */
export function resumeHealthy(now: number, policy: HealthPolicy): HealthStep {
  return {
    kind: 'wait',
    state: { stage: 'healthy' },
    next: { at: now, timeoutMs: policy.invocationTimeoutMs },
    lines: [],
  };
}

/** `error` is undefined when the check passed. */
export function afterCheck(
  state: HealthState,
  error: string | undefined,
  now: number,
  policy: HealthPolicy,
): HealthStep {
  if (state.stage === 'startup') return afterStartupCheck(state, error, now, policy);
  if (error === undefined) return { kind: 'wait', state, next: nextLiveness(now, policy), lines: [] };
  // A single failure ends it (Diego).
  const message = `Liveness check unsuccessful: ${error}`;
  return {
    kind: 'crash',
    cause: { phase: 'run', unhealthy: message },
    lines: [
      { source: 'HEALTH', stream: 'ERR', text: message },
      { source: 'CELL', stream: 'ERR', text: 'Container became unhealthy' },
    ],
  };
}

function afterStartupCheck(
  state: Extract<HealthState, { stage: 'startup' }>,
  error: string | undefined,
  now: number,
  policy: HealthPolicy,
): HealthStep {
  if (error === undefined) {
    return {
      kind: 'became-healthy',
      state: { stage: 'healthy' },
      next: nextLiveness(now, policy),
      lines: [{ source: 'CELL', stream: 'OUT', text: 'Container became healthy' }],
    };
  }
  const attempts = state.attempts + 1;
  const deadline = state.startedAt + policy.startTimeoutMs;
  if (now < deadline) {
    const at = Math.min(now + startupInterval(now - state.startedAt), deadline);
    const next = { at, timeoutMs: startupTimeout(state.startedAt, at, policy) };
    return { kind: 'wait', state: { ...state, attempts }, next, lines: [] };
  }
  const afterMs = now - state.startedAt;
  const plural = attempts === 1 ? 'attempt' : 'attempts';
  const message = `Timed out after ${goDuration(policy.startTimeoutMs)} (${attempts} ${plural}) waiting for startup check to succeed: ${error}`;
  return {
    kind: 'crash',
    cause: { phase: 'health-check', afterMs, error: message },
    lines: [
      { source: 'HEALTH', stream: 'ERR', text: message },
      {
        source: 'CELL',
        stream: 'ERR',
        text: `Failed after ${goDuration(afterMs)}: startup health check never passed.`,
      },
    ],
  };
}

function startupInterval(elapsedMs: number): number {
  return Math.min(Math.max(elapsedMs / SHARE_OF_START, FIRST_INTERVAL_MS), STARTUP_INTERVAL_MS);
}

function startupTimeout(startedAt: number, at: number, policy: HealthPolicy): number {
  const left = startedAt + policy.startTimeoutMs - at;
  return Math.min(policy.invocationTimeoutMs, Math.max(left, LAST_CHECK_MS));
}

function nextLiveness(now: number, policy: HealthPolicy): NextCheck {
  return { at: now + policy.intervalMs, timeoutMs: policy.invocationTimeoutMs };
}
