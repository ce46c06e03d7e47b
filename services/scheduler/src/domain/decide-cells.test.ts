import { describe, expect, test } from 'vitest';
import { cell, crashedOf, instanceOf, lrp, Model, NOW, placement } from './model.test-support.ts';

const fresh = { domainAge: 1_000 } as const;
const cells = [cell('cell-1'), cell('cell-2')];

describe('cells', () => {
  test.each([
    [
      'was not heard of for more than 15 s',
      { cells: [cell('cell-1'), cell('cell-2')], cellAges: { 'cell-1': 15_001 } },
    ],
    ['is unhealthy', { cells: [cell('cell-1', { healthy: false }), cell('cell-2')] }],
    ['is evacuating', { cells: [cell('cell-1', { evacuating: true }), cell('cell-2')] }],
    [
      'is of another platform',
      {
        cells: [cell('cell-1', { platform: { os: 'linux', architecture: 'arm64' } }), cell('cell-2')],
      },
    ],
  ])('one that %s is given no work', (_, contents) => {
    expect(new Model({ lrps: [lrp(1)], ...contents }).step()).toEqual(['start 1/0 on cell-2']);
  });

  test('what one says in the name of another gives nobody work', () => {
    const model = new Model({ lrps: [lrp(1)], cells: [cell('cell-2')] });
    model.put(model.cells, 'cell-2', cell('cell-1'));
    const steps = model.step();
    expect(steps).not.toEqual([]);
    expect(steps).not.toContain('start 1/0 on cell-1');
  });

  test('what runs on an unhealthy one is left alone', () => {
    const placed = placement(1, 0, 'cell-1');
    const contents = { lrps: [lrp(1)], placements: [placed], instances: [instanceOf(placed)], ...fresh };
    expect(new Model({ ...contents, cells: [cell('cell-1', { healthy: false }), cell('cell-2')] }).step()).toEqual([]);
  });

  test('crashed placements take nothing, all others do, also those not taken up yet', () => {
    const small = cell('cell-1', { capacity: { memoryMb: 200, diskMb: 1_000, containers: 10 } });
    const [a, b] = [placement(1, 0, 'cell-1'), placement(1, 1, 'cell-1')];
    const model = new Model({ lrps: [lrp(1, { instances: 2 }), lrp(2)], cells: [small], placements: [a, b] });
    expect(model.step()).toEqual(['unplaceable 2/0']);
    model.report(crashedOf(b));
    // The crashed one is to be restarted and comes later, for its index is higher.
    expect(model.step()).toEqual(['retry 2/0 on cell-1', 'unplaceable 1/1 off cell-1']);
  });
});

describe('instances on a cell that is lost', () => {
  const old = placement(1, 0, 'cell-1', { crashCount: 1 });
  const contents = {
    lrps: [lrp(1)],
    cells,
    cellAges: { 'cell-1': 15_001 },
    placements: [old],
    instances: [instanceOf(old)],
    ...fresh,
  };

  test('get a replacement, and go when that runs', () => {
    const model = new Model(contents);
    expect(model.step()).toEqual(['replace 1/0 on cell-2']);
    expect(model.picture).toEqual(['1/0 cell-1', '1/0 cell-2']);
    const replacement = model.placementOn('cell-2');
    expect(replacement.crashCount).toBe(1);
    model.report(instanceOf(replacement, { state: 'CLAIMED' }));
    expect(model.step()).toEqual([]);
    model.report(instanceOf(replacement));
    expect(model.step()).toEqual(['replaced 1/0 off cell-1']);
    expect(model.picture).toEqual(['1/0 cell-2']);
  });

  test('keep their place when the cell comes back before the replacement runs', () => {
    const model = new Model(contents);
    model.step();
    model.report(instanceOf(model.placementOn('cell-2'), { state: 'CLAIMED' }));
    model.present(cell('cell-1'));
    expect(model.step()).toEqual(['duplicate 1/0 off cell-2']);
  });

  test('keep it too when they did not run yet', () => {
    const model = new Model({ ...contents, instances: [] });
    expect(model.step()).toEqual(['replace 1/0 on cell-2']);
    expect(model.step()).toEqual([]);
    model.present(cell('cell-1'));
    expect(model.step()).toEqual(['duplicate 1/0 off cell-2']);
  });

  test('stay, with no record that they wait, when there is no room elsewhere', () => {
    const model = new Model({ ...contents, cells: [cell('cell-1'), cell('cell-2', { healthy: false })] });
    expect(model.step()).toEqual([]);
    expect(model.decide().summary.stranded).toBe(1);
    model.present(cell('cell-2'));
    expect(model.step()).toEqual(['replace 1/0 on cell-2']);
  });

  test('stay when the replacement crashes, which is then treated as any crash', () => {
    const model = new Model(contents);
    model.step();
    model.report(crashedOf(model.placementOn('cell-2')));
    expect(model.step()).toEqual(['restart 1/0 on cell-2 off cell-2']);
    model.report(crashedOf(model.placementOn('cell-2')));
    expect(model.step()).toEqual(['back-off 1/0 off cell-2']);
    expect(model.picture).toEqual(['1/0 CRASHED', '1/0 cell-1']);
    expect(model.step()).toEqual([]);
    model.present(cell('cell-1'));
    expect(model.step()).toEqual(['clean-up 1/0']);
  });

  test('when the cell of the replacement is lost too, the old one is kept and another replacement placed', () => {
    const model = new Model({ ...contents, cells: [...cells, cell('cell-3')] });
    model.step();
    model.present(cell('cell-2'), 15_001);
    expect(model.step()).toEqual(['duplicate 1/0 off cell-2', 'replace 1/0 on cell-3']);
    expect(model.picture).toEqual(['1/0 cell-1', '1/0 cell-3']);
  });

  test('are not moved while we have not listened for as long as a cell may be silent', () => {
    const listening = { ...contents, listenedFor: 15_000 };
    expect(new Model(listening).step()).toEqual([]);
    expect(new Model(listening).decide().lookAgainInMs).toBe(1);
    expect(new Model({ ...listening, cells: [cell('cell-2')] }).step()).toEqual([]);
    expect(new Model({ ...contents, listenedFor: 15_001 }).step()).toEqual(['replace 1/0 on cell-2']);
    expect(new Model({ ...listening, listenedFor: 15_001, cells: [cell('cell-2')] }).step()).toEqual([
      'replace 1/0 on cell-2',
    ]);
  });

  test('are not moved while the views are not current', () => {
    expect(new Model({ ...contents, fresh: false }).step()).toEqual([]);
    expect(new Model({ ...contents, cells: [], fresh: false }).step()).toEqual([]);
  });

  test('a cell whose record expired is lost 15 s after it was heard of last', () => {
    const model = new Model({ ...contents, cells: [cell('cell-2')] });
    model.cellsSeenAt.set('cell-1', NOW.monotonicMs - 15_000);
    expect(model.step()).toEqual([]);
    model.cellsSeenAt.set('cell-1', NOW.monotonicMs - 15_001);
    expect(model.step()).toEqual(['replace 1/0 on cell-2']);
  });

  test('a cell that took its presence back is lost at once', () => {
    const model = new Model({ ...contents, cells: [cell('cell-2')], withdrawn: ['cell-1'] });
    model.cellsSeenAt.set('cell-1', NOW.monotonicMs);
    expect(model.step()).toEqual(['replace 1/0 on cell-2']);
  });
});

describe('instances on an evacuating cell', () => {
  const old = placement(1, 0, 'cell-1');
  const evacuating = [cell('cell-1', { evacuating: true }), cell('cell-2')];
  const contents = { lrps: [lrp(1)], cells: evacuating, placements: [old], ...fresh };

  test('that run stay until the replacement runs', () => {
    const model = new Model({ ...contents, instances: [instanceOf(old)] });
    expect(model.step()).toEqual(['replace 1/0 on cell-2']);
    expect(model.step()).toEqual([]);
    model.report(instanceOf(model.placementOn('cell-2')));
    expect(model.step()).toEqual(['replaced 1/0 off cell-1']);
  });

  test('that do not run yet are moved at once', () => {
    const model = new Model({ ...contents, instances: [instanceOf(old, { state: 'CLAIMED' })] });
    expect(model.step()).toEqual(['replace 1/0 on cell-2 off cell-1']);
    expect(model.step()).toEqual([]);
  });

  test('stay while there is no room elsewhere, running or not', () => {
    for (const state of ['RUNNING', 'CLAIMED'] as const) {
      const alone = { ...contents, cells: [cell('cell-1', { evacuating: true })] };
      expect(new Model({ ...alone, instances: [instanceOf(old, { state })] }).step()).toEqual([]);
    }
  });

  test('are restarted elsewhere when they crash', () => {
    const model = new Model({ ...contents, instances: [crashedOf(old)] });
    expect(model.step()).toEqual(['restart 1/0 on cell-2 off cell-1']);
  });
});
