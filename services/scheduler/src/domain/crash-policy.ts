// Diego's bbs/models/restart_calculator.go: two restarts at once, then a wait that doubles.
const IMMEDIATE_BELOW = 3;
const BACKOFF_MIN_MS = 30_000;
const BACKOFF_MAX_EXPONENT = 5;
const MAX_CRASHES = 200;
const RESET_AFTER_MS = 300_000;

// A registry that was away is found again soon; one that refuses is asked some fifteen times in an hour.
const PULL_BACKOFF_MAX_EXPONENT = 3;

/** What follows a crash. `crashCount` includes it. */
export type AfterCrash =
  | { readonly restart: 'now'; readonly crashCount: number }
  | { readonly restart: 'later'; readonly crashCount: number; readonly delayMs: number }
  | { readonly restart: 'never'; readonly crashCount: number };

/**
 * What follows a crash of an instance that had `crashesBefore` and ran for `ranMs`. Any exit is a crash, status 0 too.
 * After more than 5 minutes the count starts anew, with this crash as the first.
 */
export function afterCrash(crashesBefore: number, ranMs: number): AfterCrash {
  const crashCount = ranMs > RESET_AFTER_MS ? 1 : crashesBefore + 1;
  if (crashCount < IMMEDIATE_BELOW) return { restart: 'now', crashCount };
  if (crashCount >= MAX_CRASHES) return { restart: 'never', crashCount };
  const exponent = Math.min(crashCount - IMMEDIATE_BELOW, BACKOFF_MAX_EXPONENT);
  return { restart: 'later', crashCount, delayMs: BACKOFF_MIN_MS * 2 ** exponent };
}

/**
 * How long to wait after the image of an index could not be fetched `failures` times in a row. Diego counts that as a
 * crash and gives up in the end; here it is none, for no app is at fault when its registry is, and it never ends.
 */
export function pullBackoffMs(failures: number): number {
  return BACKOFF_MIN_MS * 2 ** Math.min(failures - 1, PULL_BACKOFF_MAX_EXPONENT);
}
