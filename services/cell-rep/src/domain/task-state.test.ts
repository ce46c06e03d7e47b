import { expect, test } from 'vitest';
import { sampleTask } from './samples.test-support.ts';
import { taskEnvironment } from './task-environment.ts';
import { claimTask, completeTask, resultOfExit, resultOfFailure, startTask } from './task-state.ts';

const task = sampleTask(1);

test('status 0 is success, all else failure, in the executor’s words', () => {
  expect(resultOfExit({ status: 0, outOfMemory: false }, task)).toEqual({ failed: false, exitStatus: 0 });
  expect(resultOfExit({ status: 3, outOfMemory: false }, task)).toEqual({
    failed: true,
    reason: 'APP/TASK/migrate: Exited with status 3',
    exitStatus: 3,
  });
  expect(resultOfExit({ status: 137, outOfMemory: true }, task)).toMatchObject({
    reason: 'APP/TASK/migrate: Exited with status 137 (out of memory)',
  });
  expect(resultOfExit({ status: undefined, outOfMemory: false }, task)).toEqual({
    failed: true,
    reason: 'APP/TASK/migrate: Exited with unknown status',
  });
  expect(resultOfFailure({ phase: 'pull', error: 'no such image' }, task)).toEqual({
    failed: true,
    reason: 'failed to create container: no such image',
  });
});

test('the first result stands, and what has ended does not start', () => {
  const running = startTask(claimTask(task, 'cell-1', 0), 1);
  const completed = completeTask(running, { failed: false }, 2);
  expect(completeTask(completed, { failed: true, reason: 'late' }, 3)).toBe(completed);
  expect(startTask(completed, 3)).toBe(completed);
  expect(startTask(running, 3)).toBe(running);
});

test('a task learns its address, and nothing of ports or an index', () => {
  const environment = taskEnvironment(
    { ...task, action: { ...task.action, environment: { MODE: 'x', VCAP_APPLICATION: '{"name":"dora"}' } } },
    '10.0.0.2',
  );
  expect(environment).toEqual({
    MODE: 'x',
    VCAP_APPLICATION: '{"name":"dora","host":"0.0.0.0","instance_id":""}',
    SLIPWAY_IMAGE: `localhost:5000/dora:1@sha256:${'a'.repeat(64)}`,
    SLIPWAY_IMAGE_DIGEST: `sha256:${'a'.repeat(64)}`,
    CF_INSTANCE_IP: '10.0.0.2',
    CF_INSTANCE_INTERNAL_IP: '10.0.0.2',
    CF_INSTANCE_ADDR: '',
    CF_INSTANCE_PORT: '',
    CF_INSTANCE_PORTS: '[]',
  });
  for (const odd of ['[]', 'null', '{', '1']) {
    const { VCAP_APPLICATION } = taskEnvironment(
      { ...task, action: { ...task.action, environment: { VCAP_APPLICATION: odd } } },
      'a',
    );
    expect(VCAP_APPLICATION).toBe(odd);
  }
});
