import type { DesiredTask, TaskState } from '@slipway/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decideTasks, type LocalTask, type TaskKnowledge } from './decide-tasks.ts';
import { sampleGuid, sampleTask } from './samples.test-support.ts';
import { claimTask, completeTask, startTask } from './task-state.ts';

const CELL = 'cell-1';
const claimed = (n: number): TaskState => claimTask({ taskGuid: sampleGuid(n) }, CELL, 0);
const running = (n: number): TaskState => startTask(claimed(n), 1);
const completed = (n: number): TaskState => completeTask(running(n), { failed: false, exitStatus: 0 }, 2);
const held = (state: TaskState, change: Partial<LocalTask> = {}): LocalTask => ({
  state,
  cancelling: false,
  dropping: false,
  ...change,
});
const byGuid = <T extends { readonly taskGuid: string }>(...all: readonly T[]): Map<string, T> =>
  new Map(all.map((one) => [one.taskGuid, one]));

function knowing(change: Partial<TaskKnowledge> = {}): TaskKnowledge {
  return {
    cellId: CELL,
    desired: new Map(),
    fresh: true,
    complete: true,
    deleted: new Set(),
    local: new Map(),
    ledger: new Map(),
    records: new Map(),
    ...change,
  };
}

const kinds = (change: Partial<TaskKnowledge>): string[] => decideTasks(knowing(change)).map(({ kind }) => kind);
const given = (n: number, change: Partial<DesiredTask> = {}): DesiredTask => sampleTask(n, { cellId: CELL, ...change });

test('a task is started only when it was given to this cell, and nothing is known of it', () => {
  expect(kinds({ desired: byGuid(given(1)) })).toEqual(['start']);
  expect(kinds({ desired: byGuid(sampleTask(1)) })).toEqual([]);
  expect(kinds({ desired: byGuid(given(1, { cellId: 'cell-2' })) })).toEqual([]);
  expect(kinds({ desired: byGuid(given(1)), fresh: false })).toEqual([]);
  // It was claimed by a rep that died before it started anything.
  expect(kinds({ desired: byGuid(given(1)), records: byGuid(claimed(1)) })).toEqual(['start']);
});

test('what was started before is not started again, whoever remembers it', () => {
  for (const memory of ['ledger', 'records'] as const) {
    expect(kinds({ desired: byGuid(given(1)), [memory]: byGuid(running(1)) })).toEqual(['lost']);
    expect(kinds({ desired: byGuid(given(1)), [memory]: byGuid(completed(1)) })).toEqual(['recall']);
  }
});

test('what a running task may reach is changed in place', () => {
  const egress = [{ protocol: 'all' as const, destinations: ['10.0.0.0/8'] }];
  const local = (state: TaskState, task?: DesiredTask): TaskKnowledge['local'] =>
    new Map([[sampleGuid(1), held(state, task === undefined ? {} : { task })]]);
  const desired = byGuid(given(1, { egress }));
  const records = byGuid(running(1));
  expect(kinds({ desired, records, local: local(running(1), given(1)) })).toEqual(['update']);
  expect(kinds({ desired, records, local: local(running(1), given(1, { egress })) })).toEqual([]);
  expect(kinds({ desired, records: byGuid(completed(1)), local: local(completed(1)) })).toEqual([]);
});

test('a cancelled task is ended once, and one that never began has a result too', () => {
  const desired = byGuid(given(1, { cancel: true }));
  expect(kinds({ desired })).toEqual(['cancel']);
  const records = byGuid(running(1));
  expect(kinds({ desired, records, local: new Map([[sampleGuid(1), held(running(1))]]) })).toEqual(['cancel']);
  const cancelling = held(running(1), { cancelling: true });
  expect(kinds({ desired, records, local: new Map([[sampleGuid(1), cancelling]]) })).toEqual([]);
});

test('a task is removed only when it is certainly not desired', () => {
  const local = new Map([[sampleGuid(1), held(running(1))]]);
  const records = byGuid(running(1));
  expect(kinds({ local, records, complete: false })).toEqual([]);
  expect(kinds({ local, records, fresh: false })).toEqual([]);
  expect(kinds({ local, records, complete: false, deleted: new Set([sampleGuid(1)]) })).toEqual(['drop']);
  expect(kinds({ local, records })).toEqual(['drop']);
  expect(kinds({ local: new Map([[sampleGuid(1), held(running(1), { dropping: true })]]), records })).toEqual([]);
});

test('records say what the rep says, and those of nothing go', () => {
  const desired = byGuid(given(1));
  const local = new Map([[sampleGuid(1), held(completed(1))]]);
  expect(kinds({ desired, local })).toEqual(['publish']);
  expect(kinds({ desired, local, records: byGuid(running(1)) })).toEqual(['publish']);
  expect(kinds({ desired, local, records: byGuid(completed(1)) })).toEqual([]);
  expect(kinds({ records: byGuid(completed(2)), complete: false })).toEqual([]);
  expect(kinds({ records: byGuid(completed(2)) })).toEqual(['delete-record']);
});

const n = fc.integer({ min: 1, max: 3 });
const state = fc.oneof(n.map(claimed), n.map(running), n.map(completed));
const some = <T extends { readonly taskGuid: string }>(of: fc.Arbitrary<T>): fc.Arbitrary<Map<string, T>> =>
  fc.array(of, { maxLength: 3 }).map((all) => byGuid(...all));
const task = fc
  .tuple(n, fc.constantFrom(undefined, CELL, 'cell-2'), fc.boolean())
  .map(([number, cellId, cancel]) => sampleTask(number, { ...(cellId === undefined ? {} : { cellId }), cancel }));
const knowledge: fc.Arbitrary<TaskKnowledge> = fc.record({
  cellId: fc.constant(CELL),
  desired: some(task),
  fresh: fc.boolean(),
  complete: fc.boolean(),
  deleted: fc.array(n.map(sampleGuid)).map((all) => new Set(all)),
  local: some(state.map((one) => ({ ...one, taskGuid: one.taskGuid }))).chain((states) =>
    fc.tuple(fc.boolean(), fc.boolean()).map(([cancelling, dropping]) => {
      return new Map([...states].map(([guid, one]) => [guid, held(one, { cancelling, dropping })]));
    }),
  ),
  ledger: some(state),
  records: some(state),
});

test('whatever is known: what may have run is not started, what is desired is not removed, and each thing is done once', () => {
  fc.assert(
    fc.property(knowledge, (known) => {
      const actions = decideTasks(known);
      const seen = new Set<string>();
      for (const action of actions) {
        const guid =
          'task' in action ? action.task.taskGuid : 'state' in action ? action.state.taskGuid : action.taskGuid;
        const about = `${action.kind} ${guid}`;
        expect(seen.has(about)).toBe(false);
        seen.add(about);
        const desired = known.desired.get(guid);
        if (action.kind === 'start') {
          expect(desired).toMatchObject({ cellId: CELL, cancel: false });
          expect(known.local.has(guid)).toBe(false);
          for (const memory of [known.ledger.get(guid), known.records.get(guid)]) {
            if (memory !== undefined && memory === known.ledger.get(guid)) expect(memory.state).toBe('CLAIMED');
          }
        }
        if (action.kind === 'drop' || action.kind === 'delete-record') {
          expect(known.fresh).toBe(true);
          expect(desired?.cellId).not.toBe(CELL);
          expect(desired !== undefined || known.complete || known.deleted.has(guid)).toBe(true);
        }
      }
      if (!known.fresh) expect(actions).toEqual([]);
    }),
    { numRuns: 1_000 },
  );
});
