const FIRST_MS = 100;
const LONGEST_MS = 10_000;

/** How long to wait before the start that follows the `failures`th end in a row (1 for the first). */
export function backOffMs(failures: number): number {
  return Math.min(FIRST_MS * 2 ** Math.min(Math.max(failures - 1, 0), 20), LONGEST_MS);
}
