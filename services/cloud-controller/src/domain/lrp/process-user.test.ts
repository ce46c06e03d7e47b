import { expect, test } from 'vitest';
import { processUserProblem } from './process-user.ts';

test('vcap and what the operator allows may be asked for, whatever the case; nothing need be', () => {
  for (const user of [null, '', 'vcap', 'VCAP', 'app', 'App'])
    expect(processUserProblem(user, ['app'])).toBeUndefined();
});

test('whoever else is asked for is refused with the list of who may be', () => {
  expect(processUserProblem('root', ['app'])).toBe(
    "user invalid (requested user 'root' not allowed, permitted users are: 'vcap', 'app')",
  );
  for (const user of ['0', 'vcap:root', ' vcap', 'vcap '])
    expect(processUserProblem(user, [])).toContain('not allowed');
});
