/** UAA's defaults (`uaa.yml`): so many failures within the window close the account for the lockout. */
const MAX_FAILURES = 5;
const WINDOW_MS = 3_600_000;
const LOCKOUT_MS = 300_000;

/** Failed attempts since the last success. Milliseconds since the epoch. */
export interface LoginFailures {
  readonly failures: number;
  readonly windowStartedAt: number;
  readonly lastFailureAt: number;
}

/** Until when nobody gets in, not even with the right password; undefined when attempts are taken. */
export function lockedUntil(record: LoginFailures | undefined, now: number): number | undefined {
  if (record === undefined || record.failures < MAX_FAILURES) return undefined;
  const until = record.lastFailureAt + LOCKOUT_MS;
  return until > now ? until : undefined;
}

/** After a lockout the count goes on, so that within the window one more failure locks again (UAA). */
export function afterFailure(record: LoginFailures | undefined, now: number): LoginFailures {
  if (record === undefined || isForgotten(record, now)) {
    return { failures: 1, windowStartedAt: now, lastFailureAt: now };
  }
  return { ...record, failures: record.failures + 1, lastFailureAt: now };
}

/** Whether the record says nothing any more and may be deleted. */
export function isForgotten(record: LoginFailures, now: number): boolean {
  return now - record.windowStartedAt > WINDOW_MS && lockedUntil(record, now) === undefined;
}

/** Records whose last failure is older than this are forgotten, whatever they say. */
export function forgottenBefore(now: number): number {
  return now - WINDOW_MS - LOCKOUT_MS;
}
