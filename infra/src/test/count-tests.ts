import { z } from 'zod';

/** The part of vitest's JSON report that is counted. */
const reportSchema = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(z.object({ status: z.string() })),
    }),
  ),
});

export interface TestCount {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * Counts a JSON report of vitest. A file that could not be loaded has no test and counts as one failure; so does a run
 * that ended with an error outside of any test (`exitCode` not 0), and one without any test.
 */
export function countTests(report: unknown, exitCode: number | null): TestCount {
  const parsed = reportSchema.safeParse(report);
  if (!parsed.success) return { passed: 0, failed: 1, skipped: 0 };
  const statuses = parsed.data.testResults.flatMap((file) => file.assertionResults.map((test) => test.status));
  const count = (...wanted: string[]): number => statuses.filter((status) => wanted.includes(status)).length;
  const brokenFiles = parsed.data.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const passed = count('passed');
  const skipped = count('skipped', 'pending', 'todo', 'disabled');
  const failed = statuses.length - passed - skipped + brokenFiles;
  return { passed, skipped, failed: failed === 0 && (exitCode !== 0 || passed === 0) ? 1 : failed };
}

/** E.g. `412 passed, 0 failed, 3 skipped`. */
export function describeCount(count: TestCount): string {
  const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
  return `${count.passed} passed, ${count.failed} failed${skipped}`;
}
