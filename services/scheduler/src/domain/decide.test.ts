import { keys } from '@slipway/contracts';
import { describe, expect, test } from 'vitest';
import { at, cell, guid, instanceOf, lrp, Model, placement, processGuid, unplaced } from './model.test-support.ts';

const fresh = { domainAge: 1_000 } as const;
const cells = [cell('cell-1'), cell('cell-2')];

describe('missing indices', () => {
  test('are placed, each on a cell of its own while there are enough', () => {
    const model = new Model({ lrps: [lrp(1, { instances: 2 })], cells });
    expect(model.step()).toEqual(['start 1/0 on cell-1', 'start 1/1 on cell-2']);
    expect(model.step()).toEqual([]);
    expect([...model.placements.values()].map(({ value }) => value)).toEqual([
      { ...placement(1, 0, 'cell-1'), instanceGuid: expect.any(String), placedAt: at(0) },
      { ...placement(1, 1, 'cell-2'), instanceGuid: expect.any(String), placedAt: at(0) },
    ]);
  });

  test('are placed without any freshness', () => {
    const model = new Model({ lrps: [lrp(1)], cells, fresh: false });
    expect(model.step()).toEqual(['start 1/0 on cell-1']);
  });

  test('index 0 comes first, then the larger, when not all find room', () => {
    const model = new Model({
      lrps: [lrp(1, { memoryMb: 300, instances: 2 }), lrp(2, { memoryMb: 350, instances: 2 })],
      cells: [cell('cell-1')],
    });
    model.step();
    expect(model.picture).toEqual(['1/0 cell-1', '1/1 UNCLAIMED', '2/0 cell-1', '2/1 cell-1']);
  });

  test('a smaller one takes what a larger one could not', () => {
    const model = new Model({
      lrps: [lrp(1, { memoryMb: 2_000 }), lrp(2, { memoryMb: 900 })],
      cells: [cell('cell-1')],
    });
    model.step();
    expect(model.picture).toEqual(['1/0 UNCLAIMED', '2/0 cell-1']);
  });

  test('a process that shall run nowhere has none', () => {
    expect(new Model({ lrps: [lrp(1, { instances: 0 })], cells, ...fresh }).step()).toEqual([]);
  });

  test('two versions of a process are two LRPs', () => {
    const [old, next] = [lrp(1), lrp(2, { process: { guid: guid(1), type: 'web' } })];
    const running = placement(1, 0, 'cell-1');
    const model = new Model({
      lrps: [old, next],
      cells,
      placements: [running],
      instances: [instanceOf(running)],
      ...fresh,
    });
    expect(model.step()).toEqual(['start 2/0 on cell-2']);
  });
});

describe('extra indices', () => {
  const placements = [0, 1, 2].map((index) => placement(1, index, 'cell-1'));
  const contents = {
    lrps: [lrp(1, { instances: 1 })],
    cells,
    placements,
    instances: placements.map((p) => instanceOf(p)),
  };

  test('go when a present desired LRP asks for fewer, whether or not the domain is fresh', () => {
    expect(new Model(contents).step()).toEqual(['extra 1/1 off cell-1', 'extra 1/2 off cell-1']);
    expect(new Model({ ...contents, domainAge: 500_000 }).step()).toEqual([
      'extra 1/1 off cell-1',
      'extra 1/2 off cell-1',
    ]);
  });

  test('stay while the views are not current', () => {
    expect(new Model({ ...contents, ...fresh, fresh: false }).step()).toEqual([]);
  });

  test('stay while the newest record of the LRP is unreadable: it may ask for more', () => {
    expect(new Model({ ...contents, ...fresh, invalid: [keys.desiredLrp(processGuid(1))] }).step()).toEqual([]);
  });

  test('what waits for them goes too, and starts without its crashes when it is wanted again', () => {
    const model = new Model({
      lrps: [lrp(1, { instances: 0 })],
      cells,
      placements: [unplaced(1, 0, { state: 'CRASHED', crashCount: 9, retryAt: at(-60_000) })],
    });
    model.step();
    expect(model.picture).toEqual([]);
    model.desire(lrp(1));
    model.step();
    expect([...model.placements.values()].map(({ value }) => value.crashCount)).toEqual([0]);
  });
});

describe('a process that is not desired', () => {
  const running = placement(1, 0, 'cell-1');
  const contents = {
    cells,
    placements: [running, unplaced(1, 1)],
    instances: [instanceOf(running)],
  };

  test('goes when the domain is fresh', () => {
    const model = new Model({ ...contents, ...fresh });
    expect(model.step()).toEqual(['orphan 1/0 off cell-1', 'orphan 1/1']);
    expect(model.picture).toEqual([]);
  });

  test.each([
    ['the domain never was', {}],
    ['the marker is older than its ttl', { domainAge: 120_000 }],
    ['the views are not current', { ...fresh, fresh: false }],
    ['its record is unreadable', { ...fresh, invalid: [keys.desiredLrp(processGuid(1))] }],
    ['the marker is unreadable', { ...fresh, invalid: [keys.domain('cf-apps')] }],
  ])('stays when %s', (_, more) => {
    expect(new Model({ ...contents, ...more }).step()).toEqual([]);
  });

  test('does not even go when a record of another lies under its key', () => {
    const model = new Model({ ...contents, ...fresh });
    model.put(model.desired, keys.desiredLrp(processGuid(1)), lrp(2));
    expect(model.step()).toEqual([]);
  });
});

describe('duplicates of an index', () => {
  const old = placement(1, 0, 'cell-1', { placedAt: at(90_000) });
  const young = placement(1, 0, 'cell-2', { instanceGuid: guid(77), placedAt: at(10_000) });
  const contents = { lrps: [lrp(1)], cells, placements: [old, young] };

  test('the one that runs is kept', () => {
    expect(new Model({ ...contents, instances: [instanceOf(young)] }).step()).toEqual(['duplicate 1/0 off cell-1']);
  });

  test('the oldest is kept when both run, or none', () => {
    expect(new Model(contents).step()).toEqual(['duplicate 1/0 off cell-2']);
    expect(new Model({ ...contents, instances: [instanceOf(old), instanceOf(young)] }).step()).toEqual([
      'duplicate 1/0 off cell-2',
    ]);
  });

  test('what its cell is stopping is not kept for its age', () => {
    expect(new Model({ ...contents, instances: [instanceOf(old, { state: 'STOPPING' })] }).step()).toEqual([
      'duplicate 1/0 off cell-1',
    ]);
  });

  test('both stay while the views are not current', () => {
    expect(new Model({ ...contents, fresh: false }).step()).toEqual([]);
  });
});

describe('instances to be retired', () => {
  const running = placement(1, 0, 'cell-1', { crashCount: 2 });
  const desired = lrp(1, { retire: [running.instanceGuid] });

  test('are replaced at once, without their crashes', () => {
    const model = new Model({ lrps: [desired], cells, placements: [running], instances: [instanceOf(running)] });
    expect(model.step()).toEqual(['retired 1/0 off cell-1', 'start 1/0 on cell-1']);
    expect([...model.placements.values()].map(({ value }) => value.crashCount)).toEqual([0]);
    expect(model.step()).toEqual([]);
  });

  test('stay while the views are not current', () => {
    const contents = { lrps: [desired], cells, placements: [running], instances: [instanceOf(running)], fresh: false };
    expect(new Model(contents).step()).toEqual([]);
  });

  test('are not adopted either', () => {
    const model = new Model({ lrps: [desired], cells, instances: [instanceOf(running)] });
    expect(model.step()).toEqual(['start 1/0 on cell-1', 'surplus 1/0 off cell-1']);
  });
});

describe('what cannot be placed', () => {
  test('is written down once, with why, and placed when there is room', () => {
    const model = new Model({ lrps: [lrp(1, { memoryMb: 1_001 })], cells });
    expect(model.step()).toEqual(['unplaceable 1/0']);
    expect(model.waiting(1, 0)).toEqual({
      ...unplaced(1, 0),
      placementError: 'insufficient resources: memory',
      since: at(0),
      retryAt: at(0),
    });
    model.pass(10_000);
    expect(model.step()).toEqual([]);
    model.present(cell('cell-3', { capacity: { memoryMb: 2_000, diskMb: 1_000, containers: 1 } }));
    expect(model.step()).toEqual(['retry 1/0 on cell-3']);
    expect(model.picture).toEqual(['1/0 cell-3']);
  });

  test('is written anew when the reason is another, and keeps since when it waits', () => {
    const model = new Model({ lrps: [lrp(1, { memoryMb: 1_001 })], cells });
    model.step();
    model.pass(5_000);
    for (const { cellId } of cells) model.present(cell(cellId, { placementTags: ['x'] }));
    expect(model.step()).toEqual(['unplaceable 1/0']);
    expect(model.waiting(1, 0)).toMatchObject({
      placementError: 'found no compatible cell with no placement tags',
      since: at(0),
    });
  });

  test('says how many cells each condition refused', () => {
    const model = new Model({
      lrps: [lrp(1, { memoryMb: 1_001 })],
      cells: [...cells, cell('cell-3', { placementTags: ['x'] })],
    });
    expect(model.decide().changes).toMatchObject([{ refusedBy: { 'placement tags': 1, resources: 2 } }]);
  });

  test('a record that is overtaken by a placement is cleaned up', () => {
    const model = new Model({ lrps: [lrp(1)], cells, placements: [placement(1, 0, 'cell-1'), unplaced(1, 0)] });
    expect(model.step()).toEqual(['clean-up 1/0']);
  });
});
