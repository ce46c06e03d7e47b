// Diego's bbs/models/restart_calculator.go: two restarts at once, then a wait that doubles.
const IMMEDIATE_BELOW = 3;
const BACKOFF_MIN_MS = 30_000;
const BACKOFF_MAX_EXPONENT = 5;
const MAX_CRASHES = 200;
const RESET_AFTER_MS = 300_000;

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
