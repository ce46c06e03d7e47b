import { type Instance, keys, type Placement, type PlacementRecord } from '@slipway/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CellStatuses, isLeaving } from './cell-status.ts';
import {
  at,
  cell,
  crashedOf,
  guid,
  instanceOf,
  lrp,
  Model,
  NOW,
  placement,
  processGuid,
  unplaced,
} from './model.test-support.ts';

const CELLS = ['cell-0', 'cell-1', 'cell-2', 'cell-3', 'cell-4'];
const cellId = fc.constantFrom(...CELLS, 'cell-gone');
const age = fc.constantFrom(0, 14_999, 15_000, 15_001, 400_000);

const presence = fc.record({
  present: fc.boolean(),
  zone: fc.constantFrom('a', 'b'),
  memoryMb: fc.constantFrom(0, 150, 400, 1_000),
  containers: fc.constantFrom(0, 1, 4, 20),
  healthy: fc.boolean(),
  evacuating: fc.boolean(),
  tagged: fc.boolean(),
  age,
});
const desired = fc.record({
  present: fc.boolean(),
  instances: fc.nat(4),
  memoryMb: fc.constantFrom(50, 100, 200, 500),
  tagged: fc.boolean(),
  invalid: fc.boolean(),
});
const placed = fc.record({
  process: fc.nat(3),
  index: fc.nat(5),
  cellId,
  crashCount: fc.constantFrom(0, 1, 2, 3, 199),
  placedAgo: fc.nat(100_000),
  state: fc.constantFrom('none', 'CLAIMED', 'RUNNING', 'CRASHED', 'STOPPING', 'other'),
  ranMs: fc.constantFrom(0, 400_000),
  retired: fc.boolean(),
  /** 'lost': only the instance record is there. 'removed': so is a marker that the placement was removed. */
  record: fc.constantFrom('there', 'there', 'there', 'lost', 'removed'),
});
const waiting = fc.record({
  process: fc.nat(3),
  index: fc.nat(5),
  state: fc.constantFrom('UNCLAIMED', 'CRASHED'),
  crashCount: fc.nat(5),
  sinceAgo: fc.nat(100_000),
  retryIn: fc.constantFrom(undefined, -1_000, 0, 30_000),
});
const world = fc.record({
  cells: fc.array(presence, { minLength: CELLS.length, maxLength: CELLS.length }),
  desired: fc.array(desired, { minLength: 4, maxLength: 4 }),
  placed: fc.array(placed, { maxLength: 14 }),
  waiting: fc.uniqueArray(waiting, { selector: (w) => `${w.process}/${w.index}`, maxLength: 6 }),
  fresh: fc.boolean(),
  domainAge: fc.constantFrom(undefined, 0, 119_999, 120_000),
  listenedFor: fc.constantFrom(0, 15_000, 15_001, 500_000),
  bornAgo: fc.constantFrom(undefined, 0, 2_999, 3_000, 14_999, 15_000),
  knownCells: fc.subarray(CELLS),
});
type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

function build(w: World): Model {
  const placements: PlacementRecord[] = [];
  const instances: Instance[] = [];
  const removed: string[] = [];
  const retired: string[] = [];
  for (const [i, p] of w.placed.entries()) {
    const instanceGuid = guid(0x1000 + i);
    const { crashCount } = p;
    const record: Placement = placement(p.process, p.index, p.cellId, {
      instanceGuid,
      crashCount,
      placedAt: at(p.placedAgo),
    });
    if (p.record === 'there') placements.push(record);
    if (p.record === 'removed') removed.push(keys.placed(p.cellId, instanceGuid));
    if (p.retired) retired.push(instanceGuid);
    if (p.state === 'CRASHED') instances.push(crashedOf(record, p.ranMs));
    else if (p.state === 'other') instances.push(instanceOf({ ...record, index: p.index + 1 }));
    else if (p.state !== 'none') instances.push(instanceOf(record, { state: p.state as Instance['state'] }));
  }
  for (const { process, index, state, crashCount, sinceAgo, retryIn } of w.waiting) {
    const retry = retryIn === undefined ? {} : { retryAt: at(-retryIn) };
    const record = { state: state as 'UNCLAIMED' | 'CRASHED', crashCount, since: at(sinceAgo), ...retry };
    placements.push(unplaced(process, index, record));
  }
  const there = w.cells.flatMap((c, i) => (c.present ? [{ ...c, id: CELLS[i] ?? '' }] : []));
  return new Model({
    lrps: w.desired.flatMap(({ present, instances: count, memoryMb, tagged }, n) => {
      const placementTags = tagged ? ['x'] : [];
      return present ? [lrp(n, { instances: count, memoryMb, placementTags, retire: retired })] : [];
    }),
    invalid: w.desired.flatMap(({ invalid }, n) => (invalid ? [keys.desiredLrp(processGuid(n))] : [])),
    cells: there.map(({ id, zone, memoryMb, containers, healthy, evacuating, tagged }) =>
      cell(id, {
        zone,
        healthy,
        evacuating,
        placementTags: tagged ? ['x'] : [],
        capacity: { memoryMb, diskMb: 1_000, containers },
      }),
    ),
    cellAges: Object.fromEntries(there.map(({ id, age: cellAge }) => [id, cellAge])),
    placements,
    instances,
    removed,
    fresh: w.fresh,
    domainAge: w.domainAge,
    listenedFor: w.listenedFor,
    recovery: w.bornAgo === undefined ? undefined : { bornAt: NOW.monotonicMs - w.bornAgo, knownCells: w.knownCells },
  });
}

/** Checks it in many worlds. */
function holds(property: (model: Model, w: World) => void): void {
  const check = (w: World): void => {
    property(build(w), w);
  };
  fc.assert(fc.property(world, check), { numRuns: 1_500 });
}

const placedIn = (model: Model, process: string, index: number): Placement[] =>
  [...model.placements.values()].flatMap(({ value }) =>
    value.kind === 'placed' && value.processGuid === process && value.index === index ? [value] : [],
  );
const stateOf = (model: Model, p: Placement): string | undefined => {
  const instance = model.instances.get(keys.instance(p.cellId, p.instanceGuid))?.value;
  return instance?.processGuid === p.processGuid && instance.index === p.index ? instance.state : undefined;
};
const processes = (model: Model) =>
  [...model.desired.values()].flatMap(({ value }) => ('processGuid' in value ? [value] : []));
const isInvalid = (model: Model, process: string): boolean => model.invalidDesired.has(keys.desiredLrp(process));

test('after its changes are applied it wants no more of them', () => {
  holds((model) => {
    model.apply(model.decide().changes);
    expect(model.decide().changes.map((change) => model.tell(change))).toEqual([]);
  });
});

test('is deterministic', () => {
  holds((model) => expect(model.decide()).toEqual(model.decide()));
});

test('with current views an index has one placement, or two of which the older is on a lost or evacuating cell', () => {
  holds((model, w) => {
    model.apply(model.decide().changes);
    if (!w.fresh) return;
    const cells = new CellStatuses(model.state, NOW);
    for (const { processGuid: process, instances } of processes(model)) {
      if (isInvalid(model, process)) continue;
      for (let index = 0; index < 6; index++) {
        const all = placedIn(model, process, index);
        const leaving = all.filter((p) => isLeaving(cells.of(p.cellId)));
        if (index >= instances) expect(all).toEqual([]);
        else {
          expect(leaving.length).toBeLessThanOrEqual(1);
          expect(all.length - leaving.length).toBeLessThanOrEqual(1);
        }
      }
    }
  });
});

test('scaled to zero, or not desired and that is certain, nothing stays', () => {
  holds((model, w) => {
    model.apply(model.decide().changes);
    const domainFresh = w.domainAge !== undefined && w.domainAge < 120_000;
    for (const [, { value }] of model.placements) {
      const process = processes(model).find((p) => p.processGuid === value.processGuid);
      const certain = w.fresh && !isInvalid(model, value.processGuid);
      if (process !== undefined && certain) expect(process.instances).toBeGreaterThan(value.index);
      if (process === undefined) expect(certain && domainFresh).toBe(false);
    }
  });
});

test('no cell is given more than it has room for', () => {
  holds((model) => {
    const { changes } = model.decide();
    model.apply(changes);
    const given = new Set(
      changes.flatMap(({ reason, write }) =>
        reason !== 'adopt' && write?.value.kind === 'placed' ? [write.value.cellId] : [],
      ),
    );
    for (const id of given) {
      const capacity = model.cells.get(id)?.value.capacity;
      const on = [...model.placements.values()].flatMap(({ value }) =>
        value.kind === 'placed' && value.cellId === id ? [value] : [],
      );
      expect(on.length).toBeLessThanOrEqual(capacity?.containers ?? 0);
      expect(on.reduce((sum, p) => sum + p.memoryMb, 0)).toBeLessThanOrEqual(capacity?.memoryMb ?? 0);
      expect(on.reduce((sum, p) => sum + p.diskMb, 0)).toBeLessThanOrEqual(capacity?.diskMb ?? 0);
    }
  });
});

test('work is given only to cells that are there, healthy and not evacuating', () => {
  holds((model) => {
    const cells = new CellStatuses(model.state, NOW);
    for (const { reason, write } of model.decide().changes) {
      if (reason !== 'adopt' && write?.value.kind === 'placed') expect(cells.of(write.value.cellId)).toBe('available');
    }
  });
});

test('starting needs no freshness: every desired index is placed, waits with a reason, or is held after a loss', () => {
  holds((model) => {
    const { changes, summary } = model.decide();
    model.apply(changes);
    let nowhere = 0;
    for (const { processGuid: process, instances } of processes(model)) {
      for (let index = 0; index < instances; index++) {
        const has = model.placements.has(keys.unplaced(process, index)) || placedIn(model, process, index).length > 0;
        if (!has) nowhere++;
      }
    }
    expect(nowhere).toBe(summary.held);
    const heardFor =
      NOW.monotonicMs - Math.max(model.recovery?.bornAt ?? 0, model.silenceCountsFrom ?? NOW.monotonicMs);
    if (model.recovery === undefined || heardFor >= 15_000) expect(nowhere).toBe(0);
  });
});

test('nothing that may run is removed while the views are not current, or the record of its process is unreadable', () => {
  holds((model, w) => {
    for (const { removes, processGuid: process } of model.decide().changes) {
      if (w.fresh && !isInvalid(model, process)) continue;
      for (const { key } of removes) {
        const record = model.placements.get(key)?.value;
        // Neither a marker for something that has no placement…
        expect(record).toBeDefined();
        // …nor a placement, but of what has crashed.
        if (record?.kind === 'placed') expect(stateOf(model, record)).toBe('CRASHED');
      }
    }
  });
});

test('what runs where it may stay is removed only for its twin, or because it is not wanted', () => {
  holds((model) => {
    const cells = new CellStatuses(model.state, NOW);
    const running = [...model.placements.values()].flatMap(({ value }) =>
      value.kind === 'placed' && stateOf(model, value) === 'RUNNING' && !isLeaving(cells.of(value.cellId))
        ? [value]
        : [],
    );
    model.apply(model.decide().changes);
    for (const p of running) {
      const process = processes(model).find((candidate) => candidate.processGuid === p.processGuid);
      if (process === undefined || p.index >= process.instances || process.retire?.includes(p.instanceGuid) === true) {
        continue;
      }
      const left = placedIn(model, p.processGuid, p.index).filter((q) => stateOf(model, q) === 'RUNNING');
      expect(left.length).toBeGreaterThan(0);
    }
  });
});

test('what stands under a key is only replaced by its revision, and a new placement has a new key', () => {
  holds((model) => {
    for (const { write, removes } of model.decide().changes) {
      if (write !== undefined) expect(model.placements.get(write.key)?.revision).toBe(write.over);
      for (const { key, revision } of removes) expect(model.placements.get(key)?.revision).toBe(revision);
    }
  });
});

test('it looks again, should only time change what it says', () => {
  holds((model) => {
    model.apply(model.decide().changes);
    const { lookAgainInMs } = model.decide();
    const quiet = Math.min(lookAgainInMs ?? 60_000, 60_000);
    if (quiet <= 1) return;
    model.pass(quiet - 1);
    expect(model.decide().changes).toEqual([]);
  });
});
