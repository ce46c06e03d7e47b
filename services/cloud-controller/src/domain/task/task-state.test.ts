import type { TaskPlacement, TaskState } from '@slipway/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  expiredBefore,
  isTerminal,
  nextTaskStep,
  type TaskApiState,
  type TaskReport,
  type TaskStanding,
} from './task-state.ts';

const taskGuid = '00000000-0000-4000-8000-000000000001';
const at = '2026-01-01T00:00:00.000Z';
const placed = (cellId: string): TaskPlacement => ({ v: 1, kind: 'placed', taskGuid, cellId, placedAt: at });
const lost = (cellId: string): TaskPlacement => ({
  v: 1,
  kind: 'failed',
  taskGuid,
  cellId,
  reason: 'cell disappeared before completion',
  failedAt: at,
});
const givenUp: TaskPlacement = {
  v: 1,
  kind: 'failed',
  taskGuid,
  reason: 'insufficient resources: memory',
  failedAt: at,
};
const refused: TaskPlacement = { v: 1, kind: 'refused', taskGuid, reason: 'no room', refusals: 1, refusedAt: at };
const told = (cellId: string, state: TaskState['state'], failed = false): TaskState => ({
  v: 1,
  kind: 'state',
  taskGuid,
  cellId,
  state,
  since: at,
  ...(state === 'COMPLETED' ? { result: failed ? { failed, reason: 'Exited with status 1' } : { failed } } : {}),
});
const step = (state: TaskApiState, cellId: string | null, placement?: TaskPlacement, ...states: TaskState[]) =>
  nextTaskStep({ state, cellId }, { placement, states });

test('a task is given to the cell that is proposed, once', () => {
  expect(step('PENDING', null, placed('cell-1'))).toEqual({ kind: 'give', cellId: 'cell-1' });
  expect(step('RUNNING', 'cell-1', placed('cell-2'))).toEqual({ kind: 'none' });
  expect(step('PENDING', null, refused)).toEqual({ kind: 'none' });
});

test('it ends as its cell says, and as no other does', () => {
  expect(step('RUNNING', 'cell-1', undefined, told('cell-1', 'COMPLETED'))).toEqual({
    kind: 'finish',
    failed: false,
    reason: null,
  });
  expect(step('CANCELING', 'cell-1', undefined, told('cell-1', 'COMPLETED', true))).toEqual({
    kind: 'finish',
    failed: true,
    reason: 'Exited with status 1',
  });
  expect(step('RUNNING', 'cell-1', undefined, told('cell-2', 'COMPLETED'), told('cell-1', 'RUNNING'))).toEqual({
    kind: 'none',
  });
});

test('it fails where it fits nowhere, or with its cell, but not against a result that is known', () => {
  expect(step('PENDING', null, givenUp)).toMatchObject({ failed: true, reason: 'insufficient resources: memory' });
  expect(step('RUNNING', 'cell-1', lost('cell-1'))).toMatchObject({ reason: 'cell disappeared before completion' });
  expect(step('RUNNING', 'cell-1', lost('cell-2'))).toEqual({ kind: 'none' });
  expect(step('RUNNING', 'cell-1', lost('cell-1'), told('cell-1', 'COMPLETED'))).toMatchObject({ failed: false });
});

test('a cancelled task that no cell has is over', () => {
  expect(step('CANCELING', null, placed('cell-1'))).toEqual({
    kind: 'finish',
    failed: true,
    reason: 'task was cancelled',
  });
});

test('who waits for half an hour has waited for too long', () => {
  expect(expiredBefore(new Date('2026-01-01T01:00:00.000Z'))).toBe('2026-01-01T00:30:00.000Z');
});

const cell = fc.constantFrom('cell-1', 'cell-2', 'cell-3');
const placement = fc.oneof(
  fc.constant(undefined),
  cell.map(placed),
  cell.map(lost),
  fc.constant(givenUp),
  fc.constant(refused),
);
const report: fc.Arbitrary<TaskReport> = fc.record({
  placement,
  states: fc.array(
    fc
      .tuple(cell, fc.constantFrom('CLAIMED', 'RUNNING', 'COMPLETED'), fc.boolean())
      .map(([cellId, state, failed]) => told(cellId, state, failed)),
    { maxLength: 3 },
  ),
});

test('whatever is said in whatever order: one cell has it, it ends once, and it ends for good', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(report, fc.constant('cancel' as const)), { maxLength: 20 }), (events) => {
      let task: TaskStanding = { state: 'PENDING', cellId: null };
      for (const event of events) {
        if (event === 'cancel') {
          if (!isTerminal(task.state)) task = { ...task, state: 'CANCELING' };
          continue;
        }
        const next = nextTaskStep(task, event);
        if (isTerminal(task.state)) expect(next.kind).toBe('none');
        if (next.kind === 'give') {
          expect(task).toEqual({ state: 'PENDING', cellId: null });
          task = { state: 'RUNNING', cellId: next.cellId };
        } else if (next.kind === 'finish') task = { ...task, state: next.failed ? 'FAILED' : 'SUCCEEDED' };
        // The same report again says nothing new once it has ended.
        if (isTerminal(task.state)) expect(nextTaskStep(task, event)).toEqual({ kind: 'none' });
        // Success is only ever what its own cell told.
        if (task.state === 'SUCCEEDED' && next.kind === 'finish') {
          const own = event.states.filter(({ cellId, result }) => cellId === task.cellId && result?.failed === false);
          expect(own).not.toEqual([]);
        }
      }
    }),
    { numRuns: 500 },
  );
});
