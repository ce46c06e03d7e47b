import type { ImageHealthCheck } from '@slipway/contracts';
import { goDuration } from './go-duration.ts';
import type { HealthLine, HealthStep } from './health-monitor.ts';

/** All in milliseconds; times are of a monotonic clock. */
export interface ImageHealthPolicy extends Omit<ImageHealthCheck, 'argv'> {
  /** From the start of the process until it must have passed once; the start period, when that is longer. */
  readonly startTimeoutMs: number;
}

export type ImageHealthState =
  | {
      readonly stage: 'startup';
      readonly startedAt: number;
      readonly attempts: number;
      /** What was told of it last. */
      readonly told: string | undefined;
    }
  /** `failures` in a row. */
  | { readonly stage: 'healthy'; readonly failures: number };

type Step = HealthStep<ImageHealthState>;

// A check starts a program, so the first ones follow less fast than those of the cell's own.
const FIRST_INTERVAL_MS = 250;
// The last check may begin just before the deadline, and still gets this long.
const LAST_CHECK_MS = 1_000;

/** The process was started at `startedAt`: check at once. */
export function beginImageHealth(startedAt: number, now: number, policy: ImageHealthPolicy): Step {
  return {
    kind: 'wait',
    state: { stage: 'startup', startedAt, attempts: 0, told: undefined },
    next: { at: now, timeoutMs: startupTimeout(startedAt, now, policy) },
    lines: [line('CELL', 'OUT', "Starting health monitoring of container with the image's HEALTHCHECK")],
  };
}

/** An instance that was healthy when the rep went away. */
export function resumeImageHealth(now: number, policy: ImageHealthPolicy): Step {
  const next = { at: now, timeoutMs: policy.timeoutMs };
  return { kind: 'wait', state: { stage: 'healthy', failures: 0 }, next, lines: [] };
}

/**
 * `error` is undefined when the check passed. Until it has passed once, the start timeout counts, and then as many
 * failures in a row as the image says.
 */
export function afterImageCheck(
  state: ImageHealthState,
  error: string | undefined,
  now: number,
  policy: ImageHealthPolicy,
): Step {
  if (state.stage === 'startup') return afterStartup(state, error, now, policy);
  const next = { at: now + policy.intervalMs, timeoutMs: policy.timeoutMs };
  if (error === undefined) return { kind: 'wait', state: { stage: 'healthy', failures: 0 }, next, lines: [] };
  const failures = state.failures + 1;
  const message = `Image health check unsuccessful (${failures} of ${policy.retries} attempts): ${error}`;
  const told = line('HEALTH', 'ERR', message);
  if (failures < policy.retries) return { kind: 'wait', state: { stage: 'healthy', failures }, next, lines: [told] };
  return {
    kind: 'crash',
    cause: { phase: 'run', unhealthy: message },
    lines: [told, line('CELL', 'ERR', 'Container became unhealthy')],
  };
}

function afterStartup(
  state: Extract<ImageHealthState, { stage: 'startup' }>,
  error: string | undefined,
  now: number,
  policy: ImageHealthPolicy,
): Step {
  const { startedAt } = state;
  if (error === undefined) {
    const next = { at: now + policy.intervalMs, timeoutMs: policy.timeoutMs };
    const lines = [line('CELL', 'OUT', 'Container became healthy')];
    return { kind: 'became-healthy', state: { stage: 'healthy', failures: 0 }, next, lines };
  }
  const attempts = state.attempts + 1;
  const patience = patienceOf(policy);
  if (now < startedAt + patience) {
    const at = Math.min(now + pause(attempts, policy), startedAt + patience);
    const next = { at, timeoutMs: startupTimeout(startedAt, at, policy) };
    // An app that boots fails in one way again and again.
    const lines = error === state.told ? [] : [line('HEALTH', 'ERR', `Image health check unsuccessful: ${error}`)];
    return { kind: 'wait', state: { ...state, attempts, told: error }, next, lines };
  }
  const plural = attempts === 1 ? 'attempt' : 'attempts';
  const message = `Timed out after ${goDuration(patience)} (${attempts} ${plural}) waiting for startup check to succeed: ${error}`;
  const afterMs = now - startedAt;
  return {
    kind: 'crash',
    cause: { phase: 'health-check', afterMs, error: message },
    lines: [
      line('HEALTH', 'ERR', message),
      line('CELL', 'ERR', `Failed after ${goDuration(afterMs)}: startup health check never passed.`),
    ],
  };
}

function patienceOf({ startTimeoutMs, startPeriodMs }: ImageHealthPolicy): number {
  return Math.max(startTimeoutMs, startPeriodMs);
}

function pause(attempts: number, { intervalMs, startIntervalMs }: ImageHealthPolicy): number {
  return Math.min(FIRST_INTERVAL_MS * 2 ** Math.min(attempts - 1, 10), startIntervalMs, intervalMs);
}

function startupTimeout(startedAt: number, at: number, policy: ImageHealthPolicy): number {
  const left = startedAt + patienceOf(policy) - at;
  return Math.min(policy.timeoutMs, Math.max(left, LAST_CHECK_MS));
}

function line(source: HealthLine['source'], stream: HealthLine['stream'], text: string): HealthLine {
  return { source, stream, text };
}
