import { expect, test } from 'vitest';
import { repositoryRoot } from '../process/repository-root.ts';
import { type CheckResult, runChecks } from './run-checks.ts';

test('every check is reported, with the output of those that fail', async () => {
  const seen: CheckResult[] = [];
  const results = await runChecks(
    [
      { name: 'good', command: 'true', args: [] },
      { name: 'bad', command: 'sh', args: ['-c', 'echo what is wrong >&2; exit 3'] },
    ],
    repositoryRoot,
    (result) => seen.push(result),
  );
  expect(results.map(({ name, passed, output }) => ({ name, passed, output }))).toEqual([
    { name: 'good', passed: true, output: '' },
    { name: 'bad', passed: false, output: 'what is wrong' },
  ]);
  expect(seen).toHaveLength(2);
});

test('a tool that is not there is an error, not a passed check', async () => {
  const missing = [{ name: 'missing', command: 'no-such-tool-anywhere', args: [] }];
  await expect(runChecks(missing, repositoryRoot, () => {})).rejects.toThrow('ENOENT');
});

test('stopping ends what a check started', async () => {
  const stop = new AbortController();
  const hanging = [{ name: 'hanging', command: 'sh', args: ['-c', 'sleep 600; true'] }];
  const running = runChecks(hanging, repositoryRoot, () => {}, stop.signal);
  stop.abort();
  expect((await running).map((result) => result.passed)).toEqual([false]);
});
