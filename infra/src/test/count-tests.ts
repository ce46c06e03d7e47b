import { z } from 'zod';

/** The part of vitest's JSON report that is counted. */
const reportSchema = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(z.object({ status: z.string(), tags: z.array(z.string()).default([]) })),
    }),
  ),
});

export interface TestCount {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** How many were skipped for which need (see `testNeeds`); 'other' are left out by the command line or by themselves. */
  readonly skippedFor: ReadonlyMap<string, number>;
}

/**
 * Counts a JSON report of vitest. A file that could not be loaded has no test and counts as one failure; so does a run
 * that ended with an error outside of any test (`exitCode` not 0), and one without any test.
 * @param unmet names of the tags whose tests this machine cannot run
 */
export function countTests(report: unknown, exitCode: number | null, unmet: readonly string[] = []): TestCount {
  const parsed = reportSchema.safeParse(report);
  const skippedFor = new Map<string, number>();
  if (!parsed.success) return { passed: 0, failed: 1, skipped: 0, skippedFor };
  const tests = parsed.data.testResults.flatMap((file) => file.assertionResults);
  const brokenFiles = parsed.data.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const passed = tests.filter((test) => test.status === 'passed').length;
  const skipped = tests.filter((test) => ['skipped', 'pending', 'todo', 'disabled'].includes(test.status));
  for (const { tags } of skipped) {
    const reason = unmet.find((name) => tags.includes(name)) ?? 'other';
    skippedFor.set(reason, (skippedFor.get(reason) ?? 0) + 1);
  }
  const failed = tests.length - passed - skipped.length + brokenFiles;
  const nothing = failed === 0 && (exitCode !== 0 || passed === 0);
  return { passed, skipped: skipped.length, failed: nothing ? 1 : failed, skippedFor };
}

/** E.g. `412 passed, 0 failed, 3 skipped`. */
export function describeCount(count: TestCount): string {
  const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
  return `${count.passed} passed, ${count.failed} failed${skipped}`;
}

/** Why tests were skipped, a line for each reason. */
export function describeSkipped(
  count: TestCount,
  needs: readonly { readonly name: string; readonly what: string }[],
): readonly string[] {
  return [...count.skippedFor].map(([reason, tests]) => {
    const what = needs.find((need) => need.name === reason)?.what;
    return `Skipped: ${tests} ${what === undefined ? 'that were not asked for' : `that need ${what}`}`;
  });
}
