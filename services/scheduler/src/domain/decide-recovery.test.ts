import { keys } from '@slipway/contracts';
import { describe, expect, test } from 'vitest';
import { at, cell, crashedOf, guid, instanceOf, lrp, Model, NOW, placement, unplaced } from './model.test-support.ts';

const fresh = { domainAge: 1_000 } as const;
const cells = [cell('cell-1'), cell('cell-2')];

describe('instances that run without placement', () => {
  const running = instanceOf(placement(1, 0, 'cell-2'));
  const placedKey = keys.placed(running.cellId, running.instanceGuid);

  test('are adopted when their index is free: same guid, same cell', () => {
    const model = new Model({ lrps: [lrp(1)], cells, instances: [running] });
    expect(model.step()).toEqual(['adopt 1/0 on cell-2']);
    expect(model.placements.get(placedKey)?.value).toEqual(placement(1, 0, 'cell-2', { placedAt: at(0) }));
    expect(model.step()).toEqual([]);
  });

  test('are adopted without any freshness, for that starts and stops nothing', () => {
    expect(new Model({ lrps: [lrp(1)], cells, instances: [running], fresh: false }).step()).toEqual([
      'adopt 1/0 on cell-2',
    ]);
  });

  test('are adopted while they start, too', () => {
    const starting = { ...running, state: 'CLAIMED' as const };
    expect(new Model({ lrps: [lrp(1)], cells, instances: [starting] }).step()).toEqual(['adopt 1/0 on cell-2']);
  });

  test.each(['CRASHED', 'STOPPING'] as const)('are not adopted when they are %s', (state) => {
    expect(new Model({ lrps: [lrp(1)], cells, instances: [{ ...running, state }] }).step()).toEqual([
      'start 1/0 on cell-1',
    ]);
  });

  test('are not adopted when their placement was removed: their cell is about to stop them', () => {
    const model = new Model({ lrps: [lrp(1)], cells, instances: [running], removed: [placedKey] });
    expect(model.step()).toEqual(['start 1/0 on cell-1']);
  });

  test('are not adopted when their cell is lost', () => {
    const model = new Model({ lrps: [lrp(1)], cells: [cell('cell-1')], instances: [running] });
    expect(model.step()).toEqual(['start 1/0 on cell-1']);
  });

  test('win over a placement that does not run yet', () => {
    const placed = placement(1, 0, 'cell-1', { instanceGuid: guid(77) });
    const model = new Model({ lrps: [lrp(1)], cells, placements: [placed], instances: [running] });
    expect(model.step()).toEqual(['adopt 1/0 on cell-2', 'duplicate 1/0 off cell-1']);
    expect(model.step()).toEqual([]);
  });

  test('win over waiting after crashes', () => {
    const waiting = unplaced(1, 0, { state: 'CRASHED', crashCount: 5, retryAt: at(-60_000) });
    const model = new Model({ lrps: [lrp(1)], cells, placements: [waiting], instances: [running] });
    expect(model.step()).toEqual(['adopt 1/0 on cell-2', 'clean-up 1/0']);
  });

  test('are told to stop by a deletion marker when their index is taken', () => {
    const placed = placement(1, 0, 'cell-1', { instanceGuid: guid(77) });
    const model = new Model({
      lrps: [lrp(1)],
      cells,
      placements: [placed],
      instances: [instanceOf(placed), running],
    });
    expect(model.step()).toEqual(['surplus 1/0 off cell-2']);
    expect(model.removedPlacements).toContain(placedKey);
    expect(model.step()).toEqual([]);
  });

  test('are told so too when their index or process is not desired, and that is certain', () => {
    const extra = instanceOf(placement(1, 3, 'cell-2'));
    expect(new Model({ lrps: [lrp(1, { instances: 0 })], cells, instances: [extra] }).step()).toEqual([
      'surplus 1/3 off cell-2',
    ]);
    expect(new Model({ cells, instances: [extra], ...fresh }).step()).toEqual(['surplus 1/3 off cell-2']);
    expect(new Model({ cells, instances: [extra] }).step()).toEqual([]);
    expect(new Model({ cells, instances: [extra], ...fresh, fresh: false }).step()).toEqual([]);
  });

  test('on an evacuating cell are adopted and replaced in one go', () => {
    const model = new Model({
      lrps: [lrp(1)],
      cells: [cell('cell-1'), cell('cell-2', { evacuating: true })],
      instances: [running],
    });
    expect(model.step()).toEqual(['adopt 1/0 on cell-2', 'replace 1/0 on cell-1']);
    expect(model.step()).toEqual([]);
  });

  test('on an evacuating cell are not adopted beside one that runs on a lost cell', () => {
    const lost = placement(1, 0, 'cell-1', { instanceGuid: guid(77) });
    const model = new Model({
      lrps: [lrp(1)],
      cells: [cell('cell-2', { evacuating: true })],
      placements: [lost],
      instances: [instanceOf(lost), running],
    });
    expect(model.step()).toEqual(['surplus 1/0 off cell-2']);
  });

  test('take room like any other', () => {
    const small = cell('cell-2', { capacity: { memoryMb: 1_000, diskMb: 1_000, containers: 1 } });
    const model = new Model({ lrps: [lrp(1), lrp(2)], cells: [small], instances: [running] });
    expect(model.step()).toEqual(['adopt 1/0 on cell-2', 'unplaceable 2/0']);
  });

  test('of two, the one on a cell that stays is adopted', () => {
    const other = instanceOf(placement(1, 0, 'cell-1', { instanceGuid: guid(77) }));
    const model = new Model({
      lrps: [lrp(1)],
      cells: [cell('cell-1', { evacuating: true }), cell('cell-2')],
      instances: [other, running],
    });
    expect(model.step()).toEqual(['adopt 1/0 on cell-2', 'surplus 1/0 off cell-1']);
  });
});

describe('after the store was lost', () => {
  const born = (age: number, knownCells: readonly string[] = ['cell-1', 'cell-2']) => ({
    lrps: [lrp(1)],
    recovery: { bornAt: NOW.monotonicMs - age, knownCells },
  });

  test('nothing is started that may be running, until the bucket has settled and all known cells are back', () => {
    expect(new Model({ ...born(2_999), cells }).step()).toEqual([]);
    expect(new Model({ ...born(2_999), cells }).decide()).toMatchObject({ lookAgainInMs: 1, summary: { held: 1 } });
    expect(new Model({ ...born(3_000), cells }).step()).toEqual(['start 1/0 on cell-1']);
    expect(new Model({ ...born(3_000), cells: [cell('cell-1')] }).step()).toEqual([]);
  });

  test('what is known to run is adopted at once', () => {
    const running = instanceOf(placement(1, 0, 'cell-1'));
    expect(new Model({ ...born(10), cells, instances: [running] }).step()).toEqual(['adopt 1/0 on cell-1']);
  });

  test('a cell that does not come back is waited for no longer than for any silent cell', () => {
    const contents = { cells: [cell('cell-1')] };
    expect(new Model({ ...born(14_999), ...contents }).step()).toEqual([]);
    expect(new Model({ ...born(15_000), ...contents }).step()).toEqual(['start 1/0 on cell-1']);
  });

  test('a new installation starts as soon as its bucket has settled', () => {
    expect(new Model({ ...born(3_000, []), cells }).step()).toEqual(['start 1/0 on cell-1']);
  });

  test('time in which cells could not be heard does not count', () => {
    const contents = { ...born(60_000), cells: [cell('cell-1')] };
    expect(new Model({ ...contents, listenedFor: 14_999 }).step()).toEqual([]);
    expect(new Model({ ...contents, listenedFor: 15_000 }).step()).toEqual(['start 1/0 on cell-1']);
    expect(new Model({ ...contents, fresh: false }).step()).toEqual([]);
  });

  test('crashes are dealt with meanwhile', () => {
    const placed = placement(1, 0, 'cell-1');
    const model = new Model({ ...born(10), cells, placements: [placed], instances: [crashedOf(placed)] });
    expect(model.step()).toEqual(['restart 1/0 on cell-1 off cell-1']);
  });
});
