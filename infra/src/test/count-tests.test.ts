import { expect, test } from 'vitest';
import { countTests, describeCount } from './count-tests.ts';

const file = (status: string, ...tests: string[]): object => ({
  name: '/x.test.ts',
  status,
  assertionResults: tests.map((t) => ({ status: t })),
});

test.each([
  ['all passed', [file('passed', 'passed', 'passed')], 0, '2 passed, 0 failed'],
  ['some skipped', [file('passed', 'passed', 'skipped', 'pending', 'todo')], 0, '1 passed, 0 failed, 3 skipped'],
  ['some failed', [file('failed', 'passed', 'failed'), file('passed', 'passed')], 1, '2 passed, 1 failed'],
  ['a file did not load', [file('failed'), file('passed', 'passed')], 1, '1 passed, 1 failed'],
  ['an error outside of the tests', [file('passed', 'passed')], 1, '1 passed, 1 failed'],
  ['ended by a signal', [file('passed', 'passed')], null, '1 passed, 1 failed'],
  ['there was no test', [], 0, '0 passed, 1 failed'],
  ['all were skipped', [file('passed', 'skipped')], 0, '0 passed, 1 failed, 1 skipped'],
])('the count when %s', (_, testResults, exitCode, line) => {
  expect(describeCount(countTests({ testResults }, exitCode))).toBe(line);
});

test('a missing report is a failure', () => {
  expect(countTests(undefined, 1)).toEqual({ passed: 0, failed: 1, skipped: 0 });
});
