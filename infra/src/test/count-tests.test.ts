import { expect, test } from 'vitest';
import { countTests, describeCount, describeSkipped } from './count-tests.ts';

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
  expect(countTests(undefined, 1)).toEqual({ passed: 0, failed: 1, skipped: 0, skippedFor: new Map() });
});

test('a skipped test is told by the first of its needs that is not met', () => {
  const needs = ['root', 'own-docker', 'docker'].map((name) => ({ name, what: `what ${name} is` }));
  const skipped = [['root', 'own-docker'], ['root'], ['docker', 'own-docker'], ['docker'], []];
  const assertionResults = [
    { status: 'passed', tags: ['root'] },
    ...skipped.map((tags) => ({ status: 'skipped', tags })),
  ];
  const report = { testResults: [{ name: '/x.test.ts', status: 'passed', assertionResults }] };
  expect(describeSkipped(countTests(report, 0, ['root', 'own-docker']), needs)).toEqual([
    'Skipped: 2 that need what root is',
    'Skipped: 1 that need what own-docker is',
    'Skipped: 2 that were not asked for',
  ]);
  expect(describeSkipped(countTests({ testResults: [file('passed', 'passed')] }, 0, ['root']), needs)).toEqual([]);
});
