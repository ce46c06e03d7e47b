import { keys } from '@slipway/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CELL_LOST, MAX_RETRIES, REFUSAL_INTERVAL_MS } from './decide-tasks.ts';
import { cell, guid, lrp, Model, task, taskState } from './model.test-support.ts';

type CellOf = readonly [cellId: string, change?: Parameters<typeof cell>[1]];

function cluster(...cells: readonly CellOf[]): Model {
  const all = cells.length === 0 ? ([['cell-1'], ['cell-2']] as const) : cells;
  return new Model({ cells: all.map(([id, change]: CellOf) => cell(id, change)) });
}

test('a task is placed once, and then left alone', () => {
  const model = cluster();
  model.desireTask(task(1));
  expect(model.stepTasks()).toEqual(['place 1 on cell-1']);
  expect(model.stepTasks()).toEqual([]);
  model.desireTask(task(1, { cellId: 'cell-1' }));
  expect(model.stepTasks()).toEqual([]);
  model.reportTask(taskState(1, 'cell-1', 'RUNNING'));
  expect(model.stepTasks()).toEqual([]);
});

test('tasks go where the fewest tasks are, also across zones', () => {
  const model = cluster(['cell-1', { zone: 'a' }], ['cell-2', { zone: 'b' }]);
  for (const n of [1, 2, 3, 4]) model.desireTask(task(n));
  expect(model.stepTasks()).toEqual([
    'place 1 on cell-1',
    'place 2 on cell-2',
    'place 3 on cell-1',
    'place 4 on cell-2',
  ]);
});

test('what fits nowhere is refused with Diego’s words, counted each 30 s, and given up after the retries', () => {
  const model = cluster();
  model.desireTask(task(1, { memoryMb: 5_000 }));
  for (let refusal = 1; refusal <= MAX_RETRIES; refusal++) {
    expect(model.stepTasks()).toEqual(['refuse 1: insufficient resources: memory']);
    expect(model.said(guid(1))).toMatchObject({ kind: 'refused', refusals: refusal });
    expect(model.stepTasks()).toEqual([]);
    expect(model.decide().lookAgainInMs).toBeLessThanOrEqual(REFUSAL_INTERVAL_MS);
    model.pass(REFUSAL_INTERVAL_MS - 1);
    for (const id of ['cell-1', 'cell-2']) model.present(cell(id));
    expect(model.stepTasks()).toEqual([]);
    model.pass(1);
  }
  expect(model.stepTasks()).toEqual(['give-up 1: insufficient resources: memory']);
  model.pass(10 * REFUSAL_INTERVAL_MS);
  model.present(cell('cell-1', { capacity: { memoryMb: 9_000, diskMb: 9_000, containers: 9 } }));
  expect(model.stepTasks()).toEqual([]);
});

test('a refused task is placed as soon as there is room', () => {
  const model = cluster(['cell-1']);
  model.desireTask(task(1, { memoryMb: 1_500 }));
  expect(model.stepTasks()).toEqual(['refuse 1: insufficient resources: memory']);
  model.present(cell('cell-2', { capacity: { memoryMb: 2_000, diskMb: 1_000, containers: 1 } }));
  expect(model.stepTasks()).toEqual(['place 1 on cell-2']);
});

test.each([
  ['without cells', [], {}, 'unable to communicate to compatible cells'],
  [
    'with a tag that no cell has',
    ['cell-1'],
    { placementTags: ['gpu'] },
    'found no compatible cell with placement tag "gpu"',
  ],
])('%s it says so', (_, cells, change, reason) => {
  const model = new Model({ cells: cells.map((id) => cell(id)) });
  model.desireTask(task(1, change));
  expect(model.stepTasks()).toEqual([`refuse 1: ${reason}`]);
});

test('what tasks take is not given to instances, nor the other way round; index 0 comes first', () => {
  const model = cluster(['cell-1']);
  model.desireTask(task(1, { memoryMb: 400, cellId: 'cell-1' }));
  model.desireTask(task(2, { memoryMb: 400 }));
  model.desire(lrp(3, { memoryMb: 400, instances: 2 }));
  expect(model.stepTasks()).toEqual(['refuse 2: insufficient resources: memory']);
  expect(model.picture).toEqual(['3/0 cell-1', '3/1 UNCLAIMED']);
  model.reportTask(taskState(1, 'cell-1', 'COMPLETED'));
  expect(model.stepTasks()).toEqual(['place 2 on cell-1']);
  expect(model.picture).toEqual(['3/0 cell-1', '3/1 UNCLAIMED']);
});

test('a task that was given to a cell is lost with it, and never placed again', () => {
  const model = cluster();
  model.desireTask(task(1, { cellId: 'cell-1' }));
  model.pass(20_000);
  model.present(cell('cell-2'));
  expect(model.stepTasks()).toEqual([`lose 1: ${CELL_LOST}`]);
  expect(model.said(guid(1))).toMatchObject({ kind: 'failed', cellId: 'cell-1' });
  model.present(cell('cell-1'));
  expect(model.stepTasks()).toEqual([]);
});

test('a task whose cell told its result before it went is not lost', () => {
  const model = cluster();
  model.desireTask(task(1, { cellId: 'cell-1' }));
  model.reportTask(taskState(1, 'cell-1', 'COMPLETED'));
  model.pass(20_000);
  expect(model.stepTasks()).toEqual([]);
});

test('a proposal of a cell that went before the task was given to it is made anew', () => {
  const model = cluster();
  model.desireTask(task(1));
  expect(model.stepTasks()).toEqual(['place 1 on cell-1']);
  model.present(cell('cell-1', { evacuating: true }));
  expect(model.stepTasks()).toEqual(['place 1 on cell-2']);
});

test('an evacuating cell keeps the tasks that it has', () => {
  const model = cluster();
  model.desireTask(task(1, { cellId: 'cell-1' }));
  model.present(cell('cell-1', { evacuating: true }));
  expect(model.stepTasks()).toEqual([]);
});

test('cancelled tasks are not placed, and what was said of tasks that are gone is forgotten', () => {
  const model = cluster();
  model.desireTask(task(1, { cancel: true }));
  expect(model.stepTasks()).toEqual([]);
  model.desireTask(task(2));
  model.stepTasks();
  model.tasks.delete(keys.desiredTask(guid(2)));
  expect(model.stepTasks()).toEqual(['clean-up 2']);
  expect(model.said(guid(2))).toBeUndefined();
});

test('nothing is said of tasks while the views are not current, nor before the cells of a lost store are back', () => {
  const stale = new Model({ cells: [cell('cell-1')], fresh: false });
  stale.desireTask(task(1));
  stale.desireTask(task(2, { cellId: 'cell-9' }));
  expect(stale.stepTasks()).toEqual([]);
  const born = cluster();
  born.recovery = { bornAt: born.now.monotonicMs, knownCells: [] };
  born.desireTask(task(1));
  expect(born.stepTasks()).toEqual([]);
});

type Event =
  | { readonly kind: 'create'; readonly n: number; readonly memoryMb: number }
  | { readonly kind: 'grant' | 'cancel' | 'run' | 'complete' | 'delete'; readonly n: number }
  | { readonly kind: 'beat' | 'silence'; readonly cellId: string }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'lose-store' };

const n = fc.integer({ min: 1, max: 4 });
const cellId = fc.constantFrom('cell-1', 'cell-2', 'cell-3');
const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ kind: fc.constant('create' as const), n, memoryMb: fc.constantFrom(100, 600, 3_000) }),
  fc.record({ kind: fc.constantFrom('grant', 'cancel', 'run', 'complete', 'delete'), n }) as fc.Arbitrary<Event>,
  fc.record({ kind: fc.constantFrom('beat', 'silence'), cellId }) as fc.Arbitrary<Event>,
  fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1_000, 10_000, 31_000) }),
  fc.constant({ kind: 'lose-store' as const }),
);

/** Cloud Controller and the cells, as they would act; what they know survives a loss of the store. */
class World {
  readonly model = new Model({ cells: [cell('cell-1'), cell('cell-2')] });
  /** SQL. */
  readonly tasks = new Map<number, ReturnType<typeof task>>();
  readonly given = new Map<number, Set<string>>();

  happen(one: Event): void {
    const { model } = this;
    switch (one.kind) {
      case 'create':
        if (!this.given.has(one.n)) this.#set(one.n, task(one.n, { memoryMb: one.memoryMb }));
        return;
      case 'grant':
      case 'cancel':
      case 'delete':
      case 'run':
      case 'complete':
        this.#change(one.kind, one.n);
        return;
      case 'beat':
        model.present(cell(one.cellId));
        return;
      case 'silence':
        model.cells.delete(one.cellId);
        return;
      case 'pass':
        model.pass(one.ms);
        return;
      case 'lose-store':
        model.tasks.clear();
        for (const value of this.tasks.values()) model.desireTask(value);
    }
  }

  #change(kind: 'grant' | 'cancel' | 'run' | 'complete' | 'delete', number: number): void {
    const value = this.tasks.get(number);
    if (value === undefined) return;
    const { model } = this;
    const said = model.said(value.taskGuid);
    if (kind === 'cancel') this.#set(number, { ...value, cancel: true });
    else if (kind === 'delete') {
      this.tasks.delete(number);
      model.tasks.delete(keys.desiredTask(value.taskGuid));
    } else if (kind === 'grant') {
      if (value.cellId === undefined && !value.cancel && said?.kind === 'placed') {
        this.given.get(number)?.add(said.cellId);
        this.#set(number, { ...value, cellId: said.cellId });
      }
    } else if (value.cellId !== undefined) {
      model.reportTask(taskState(number, value.cellId, kind === 'run' ? 'RUNNING' : 'COMPLETED'));
    }
  }

  #set(number: number, value: ReturnType<typeof task>): void {
    this.tasks.set(number, value);
    if (!this.given.has(number)) this.given.set(number, new Set());
    this.model.desireTask(value);
  }
}

test('whatever happens, a task is given to one cell only, fits there, and is lost only with it', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      const world = new World();
      for (const one of events) {
        world.happen(one);
        const { model } = world;
        const { taskChanges, changes } = model.decide();
        for (const { reason, taskGuid, write } of taskChanges) {
          const desired = [...world.tasks.values()].find((value) => value.taskGuid === taskGuid);
          if (write?.value.kind === 'placed') {
            expect(desired).toMatchObject({ cancel: false });
            expect(desired?.cellId).toBeUndefined();
            const there = model.cells.get(write.value.cellId);
            expect(there?.value.capacity.memoryMb).toBeGreaterThanOrEqual(desired?.resources.memoryMb ?? 0);
          }
          if (reason === 'lose') {
            const lost = model.cells.get(desired?.cellId ?? '');
            expect(lost === undefined || model.now.monotonicMs - lost.receivedAt > 15_000).toBe(true);
          }
          if (reason === 'clean-up') expect(desired).toBeUndefined();
        }
        model.apply(changes);
        model.applyToTasks(taskChanges);
        // All is said that is to be said now.
        expect(model.decide().taskChanges).toEqual([]);
      }
      for (const cells of world.given.values()) expect(cells.size).toBeLessThanOrEqual(1);
    }),
    { numRuns: 300 },
  );
});
