import type { Instance } from '@slipway/contracts';
import { describe, expect, test } from 'vitest';
import { at, cell, crashedOf, lrp, Model, placement, unplaced } from './model.test-support.ts';

const fresh = { domainAge: 1_000 } as const;
const cells = [cell('cell-1'), cell('cell-2')];

test('an image that cannot be fetched is no crash: it is tried less and less often, for ever, until something runs', () => {
  let placed = placement(1, 0, 'cell-1', { crashCount: 2 });
  const failed = (): Instance => {
    const crash = { phase: 'pull', reason: 'registry.test: 503', outOfMemory: false, ranMs: 0 } as const;
    return { ...crashedOf(placed), crash };
  };
  for (const [failures, seconds] of [30, 60, 120, 240, 240, 240].entries()) {
    const model = new Model({ lrps: [lrp(1)], cells, placements: [placed], instances: [failed()], fresh: false });
    expect(model.step()).toEqual(['back-off 1/0 off cell-1']);
    expect(model.waiting(1, 0)).toMatchObject({
      state: 'CRASHED',
      crashCount: 2,
      pullFailures: failures + 1,
      crashReason: 'registry.test: 503',
      retryAt: at(-seconds * 1_000),
    });
    model.pass(seconds * 1_000);
    for (const presence of cells) model.present(presence);
    expect(model.step()).toEqual(['retry 1/0 on cell-1']);
    const again = [...model.placements.values()].map(({ value }) => value).find(({ kind }) => kind === 'placed');
    if (again?.kind !== 'placed') throw new Error('nothing is placed');
    expect(again).toMatchObject({ crashCount: 2, pullFailures: failures + 1 });
    placed = placement(1, 0, 'cell-1', { crashCount: 2, pullFailures: failures + 1 });
  }
  // A crash of the app itself counts as ever, and what went before it is over.
  const model = new Model({
    lrps: [lrp(1)],
    cells,
    placements: [placed],
    instances: [crashedOf(placed)],
    fresh: false,
  });
  expect(model.step()).toEqual(['back-off 1/0 off cell-1']);
  expect(model.waiting(1, 0)).toMatchObject({ crashCount: 3, retryAt: at(-30_000) });
  expect(model.waiting(1, 0)).not.toHaveProperty('pullFailures');
});

describe('after a crash', () => {
  const crash = (crashCount: number, ranMs?: number): Model => {
    const placed = placement(1, 0, 'cell-1', { crashCount });
    return new Model({
      lrps: [lrp(1)],
      cells,
      placements: [placed],
      instances: [crashedOf(placed, ranMs)],
      fresh: false,
    });
  };

  test('the first and second time it is placed anew at once', () => {
    for (const before of [0, 1]) {
      const model = crash(before);
      expect(model.step()).toEqual(['restart 1/0 on cell-1 off cell-1']);
      expect([...model.placements.values()].map(({ value }) => value.crashCount)).toEqual([before + 1]);
      expect(model.step()).toEqual([]);
    }
  });

  test('the third time it waits 30 s, and is placed then', () => {
    const model = crash(2);
    expect(model.step()).toEqual(['back-off 1/0 off cell-1']);
    expect(model.waiting(1, 0)).toEqual({
      ...unplaced(1, 0),
      state: 'CRASHED',
      crashCount: 3,
      crashReason: 'Exited with status 1',
      since: at(0),
      retryAt: at(-30_000),
    });
    expect(model.decide()).toMatchObject({ changes: [], lookAgainInMs: expect.closeTo(15_001) });
    model.pass(29_999);
    expect(model.step()).toEqual([]);
    expect(model.decide().lookAgainInMs).toBe(1);
    model.pass(1);
    for (const presence of cells) model.present(presence);
    expect(model.step()).toEqual(['retry 1/0 on cell-1']);
    expect(model.picture).toEqual(['1/0 cell-1']);
    expect([...model.placements.values()].map(({ value }) => value.crashCount)).toEqual([3]);
  });

  test('the 200th time it is given up', () => {
    const model = crash(199);
    model.step();
    expect(model.waiting(1, 0)).toMatchObject({ state: 'CRASHED', crashCount: 200 });
    expect(model.waiting(1, 0)?.retryAt).toBeUndefined();
    model.pass(100_000_000);
    for (const presence of cells) model.present(presence);
    expect(model.step()).toEqual([]);
  });

  test('the count starts anew when it had run for more than 5 minutes', () => {
    const model = crash(50, 300_001);
    expect(model.step()).toEqual(['restart 1/0 on cell-1 off cell-1']);
    expect([...model.placements.values()].map(({ value }) => value.crashCount)).toEqual([1]);
  });

  test('the crash is not lost when there is no room for the restart', () => {
    const model = crash(1);
    model.present(cell('cell-1', { healthy: false }));
    model.present(cell('cell-2', { healthy: false }));
    expect(model.step()).toEqual(['unplaceable 1/0 off cell-1']);
    expect(model.waiting(1, 0)).toMatchObject({
      state: 'UNCLAIMED',
      crashCount: 2,
      crashReason: 'Exited with status 1',
    });
    model.present(cell('cell-2'));
    expect(model.step()).toEqual(['retry 1/0 on cell-2']);
    expect([...model.placements.values()].map(({ value }) => value.crashCount)).toEqual([2]);
  });

  test('a crash is counted once, also when the removal of its placement failed', () => {
    for (const before of [0, 2]) {
      const model = crash(before);
      const { changes } = model.decide();
      model.apply(changes.map((change) => ({ ...change, removes: [] })));
      model.step();
      expect(model.picture).toEqual([before === 0 ? '1/0 cell-1' : '1/0 CRASHED']);
      expect([...model.placements.values()].map(({ value }) => value.crashCount)).toEqual([before + 1]);
    }
  });

  test('the one of a process that is not desired is left alone until the domain is fresh', () => {
    const placed = placement(1, 0, 'cell-1');
    const contents = { cells, placements: [placed], instances: [crashedOf(placed)] };
    expect(new Model(contents).step()).toEqual([]);
    expect(new Model({ ...contents, ...fresh }).step()).toEqual(['orphan 1/0 off cell-1']);
  });
});
