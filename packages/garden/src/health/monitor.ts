import type { CheckResult } from './check-result.ts';

/** How an app is watched. */
export interface MonitorSettings {
  /** From the start of the process to the first success; 0 waits for ever. */
  readonly startTimeoutMs: number;
  readonly startupIntervalMs: number;
  readonly intervalMs: number;
}

/** Where the watching of one app stands. Times are milliseconds of any clock that only goes forward. */
export interface MonitorState {
  readonly phase: 'starting' | 'healthy' | 'failed';
  readonly startedAt: number;
  /** Checks run so far. */
  readonly attempts: number;
  /** When to check next; never after a failure. */
  readonly nextCheckAt: number;
  /** Of the last check that failed. */
  readonly lastMessage: string;
}

/** What a check changed. The texts are Cloud Foundry's: `log` is a line of the app's HEALTH log, `reason` of its crash. */
export type MonitorOutcome =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'became-healthy' }
  | { readonly kind: 'failed'; readonly log: string; readonly reason: string };

export function startMonitor(settings: MonitorSettings, now: number): MonitorState {
  return {
    phase: 'starting',
    startedAt: now,
    attempts: 0,
    nextCheckAt: now + settings.startupIntervalMs,
    lastMessage: '',
  };
}

/** A healthy app taken over from an earlier rep. */
export function resumeMonitor(settings: MonitorSettings, now: number): MonitorState {
  return { phase: 'healthy', startedAt: now, attempts: 0, nextCheckAt: now + settings.intervalMs, lastMessage: '' };
}

/** What the result of a check means. One failure of an app that was healthy ends it. */
export function applyCheck(
  settings: MonitorSettings,
  state: MonitorState,
  result: CheckResult,
  now: number,
): { readonly state: MonitorState; readonly outcome: MonitorOutcome } {
  if (state.phase === 'failed') return { state, outcome: { kind: 'unchanged' } };
  const attempts = state.attempts + 1;
  if (result.ok) {
    const healthy: MonitorState = { ...state, phase: 'healthy', attempts, nextCheckAt: now + settings.intervalMs };
    return { state: healthy, outcome: { kind: state.phase === 'healthy' ? 'unchanged' : 'became-healthy' } };
  }
  const { message } = result;
  if (state.phase === 'healthy') {
    const failed: MonitorState = {
      ...state,
      phase: 'failed',
      attempts,
      nextCheckAt: Number.POSITIVE_INFINITY,
      lastMessage: message,
    };
    const log = `Liveness check unsuccessful: ${message}`;
    return { state: failed, outcome: { kind: 'failed', log, reason: `Instance became unhealthy: ${log}` } };
  }
  const elapsed = now - state.startedAt;
  if (settings.startTimeoutMs > 0 && elapsed >= settings.startTimeoutMs) {
    const failed: MonitorState = {
      ...state,
      phase: 'failed',
      attempts,
      nextCheckAt: Number.POSITIVE_INFINITY,
      lastMessage: message,
    };
    const timeout = goDuration(settings.startTimeoutMs);
    const log = `Timed out after ${timeout} (${attempts} attempts) waiting for startup check to succeed: ${message}`;
    return {
      state: failed,
      outcome: { kind: 'failed', log, reason: `Instance never healthy after ${timeout}: ${log}` },
    };
  }
  // The last check before the timeout is at the timeout.
  const deadline = settings.startTimeoutMs > 0 ? state.startedAt + settings.startTimeoutMs : Number.POSITIVE_INFINITY;
  const nextCheckAt = Math.min(now + settings.startupIntervalMs, Math.max(deadline, now));
  return { state: { ...state, attempts, nextCheckAt, lastMessage: message }, outcome: { kind: 'unchanged' } };
}

/** A duration as Go prints it: 1m0s, 500ms, 1.5s. */
export function goDuration(ms: number): string {
  if (ms < 1000) return ms === 0 ? '0s' : `${ms}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  const seconds = (ms % 60_000) / 1000;
  const minuteText = hours > 0 || minutes > 0 ? `${minutes}m` : '';
  return `${hours > 0 ? `${hours}h` : ''}${minuteText}${seconds}s`;
}
