import type { CellPresence, DesiredLrp } from '@slipway/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fleet, Spread } from './fleet.ts';
import { cell, lrp } from './model.test-support.ts';
import { fits } from './placement-filters.ts';

const share = (cellId: string, memoryMb = 100, starting = false) => ({ cellId, memoryMb, diskMb: 100, starting });

function spreadOver(...cellIds: string[]): Spread {
  const spread = new Spread();
  for (const cellId of cellIds) spread.add(cellId);
  return spread;
}

test('the zone with the fewest instances of the process wins, however loaded its cells are', () => {
  const fleet = new Fleet([cell('a1', { zone: 'a' }), cell('a2', { zone: 'a' }), cell('b1', { zone: 'b' })]);
  for (let i = 0; i < 8; i++) fleet.occupy(share('b1'));
  expect(fleet.choose(lrp(1), spreadOver('a1'))).toBe('b1');
  expect(fleet.choose(lrp(1), spreadOver('a1', 'b1'))).toBe('a2');
});

test('the next zone is taken when no cell of the first can', () => {
  const fleet = new Fleet([cell('a1', { zone: 'a' }), cell('b1', { zone: 'b', placementTags: ['x'] })]);
  expect(fleet.choose(lrp(1), spreadOver('a1'))).toBe('a1');
});

test('a cell with fewer instances of the process wins, however loaded it is', () => {
  const fleet = new Fleet([cell('a1'), cell('a2')]);
  for (let i = 0; i < 8; i++) fleet.occupy(share('a2'));
  expect(fleet.choose(lrp(1), spreadOver('a1'))).toBe('a2');
  expect(fleet.choose(lrp(1), spreadOver('a1', 'a2'))).toBe('a1');
});

test('the least loaded cell wins, memory, disk and containers counting alike', () => {
  const fleet = new Fleet([cell('a1'), cell('a2'), cell('a3')]);
  fleet.occupy({ cellId: 'a1', memoryMb: 300, diskMb: 0, starting: false });
  fleet.occupy({ cellId: 'a2', memoryMb: 0, diskMb: 300, starting: false });
  fleet.occupy({ cellId: 'a3', memoryMb: 140, diskMb: 140, starting: false });
  expect(fleet.choose(lrp(1), new Spread())).toBe('a3');
});

test('a starting container weighs a quarter', () => {
  const fleet = new Fleet([cell('a1'), cell('a2')]);
  fleet.occupy(share('a1', 0, true));
  fleet.occupy(share('a2', 700));
  expect(fleet.choose(lrp(1), new Spread())).toBe('a2');
  fleet.occupy({ cellId: 'a2', memoryMb: 100, diskMb: 0, starting: false });
  expect(fleet.choose(lrp(1), new Spread())).toBe('a1');
});

test('of cells of different sizes the one that is filled less by it wins', () => {
  const big = cell('big', { capacity: { memoryMb: 10_000, diskMb: 10_000, containers: 100 } });
  const fleet = new Fleet([cell('a-small'), big]);
  fleet.occupy({ cellId: 'big', memoryMb: 500, diskMb: 500, starting: false });
  expect(fleet.choose(lrp(1, { memoryMb: 500, diskMb: 500 }), new Spread())).toBe('big');
});

const presences = fc.uniqueArray(
  fc.record({
    cellId: fc.integer({ min: 0, max: 40 }).map((n) => `c${n}`),
    zone: fc.constantFrom('a', 'b', 'c'),
    memoryMb: fc.nat(2_000),
    diskMb: fc.nat(2_000),
    containers: fc.nat(20),
    placementTags: fc.subarray(['x']),
  }),
  { selector: ({ cellId }) => cellId, maxLength: 25 },
);
const works = fc.array(
  fc.record({
    process: fc.nat(3),
    memoryMb: fc.integer({ min: 1, max: 600 }),
    diskMb: fc.integer({ min: 1, max: 600 }),
  }),
  { maxLength: 60 },
);

/** The definition, without any index: the least of (instances in its zone, score), over the cells that can take it. */
function chooseByDefinition(
  cells: readonly CellPresence[],
  used: ReadonlyMap<string, { memoryMb: number; diskMb: number; containers: number; starting: number }>,
  desired: DesiredLrp,
  onCell: ReadonlyMap<string, number>,
): number | undefined {
  const inZone = (zone: string): number =>
    cells.filter((c) => c.zone === zone).reduce((sum, { cellId }) => sum + (onCell.get(cellId) ?? 0), 0);
  const part = (a: number, b: number): number => (b > 0 ? a / b : 1);
  const scores = cells.flatMap((presence) => {
    const u = used.get(presence.cellId) ?? { memoryMb: 0, diskMb: 0, containers: 0, starting: 0 };
    if (!fits({ presence, ...u }, desired)) return [];
    const { memoryMb, diskMb, containers } = presence.capacity;
    const resources =
      part(u.memoryMb + desired.resources.memoryMb, memoryMb) +
      part(u.diskMb + desired.resources.diskMb, diskMb) +
      part(u.containers + 1, containers);
    const local = 1_000 * (onCell.get(presence.cellId) ?? 0);
    return [{ zone: inZone(presence.zone), score: resources / 3 + 0.25 * (u.starting + 1) + local }];
  });
  return scores.toSorted((a, b) => a.zone - b.zone || a.score - b.score)[0]?.score;
}

test('every choice is the one of the definition, and no cell is ever filled beyond its capacity', () => {
  fc.assert(
    fc.property(presences, works, (shapes, work) => {
      const cells = shapes.map(({ cellId, zone, placementTags, ...capacity }) =>
        cell(cellId, { zone, placementTags, capacity }),
      );
      const fleet = new Fleet(cells);
      const spreads = [0, 1, 2, 3].map(() => new Spread());
      const counts = [0, 1, 2, 3].map(() => new Map<string, number>());
      const used = new Map<string, { memoryMb: number; diskMb: number; containers: number; starting: number }>();
      const zero = { memoryMb: 0, diskMb: 0, containers: 0, starting: 0 };
      for (const { process, memoryMb, diskMb } of work) {
        const desired = lrp(process, { memoryMb, diskMb });
        const spread = spreads[process] ?? new Spread();
        const onCell = counts[process] ?? new Map<string, number>();
        const expected = chooseByDefinition(cells, used, desired, onCell);
        const chosen = fleet.choose(desired, spread);
        if (chosen === undefined || expected === undefined) {
          expect(chosen).toBe(expected);
          continue;
        }
        const only = cells.filter(({ cellId }) => cellId === chosen);
        expect(chooseByDefinition(only, used, desired, onCell)).toBeCloseTo(expected, 9);
        fleet.occupy({ cellId: chosen, memoryMb, diskMb, starting: true });
        spread.add(chosen);
        onCell.set(chosen, (onCell.get(chosen) ?? 0) + 1);
        const before = used.get(chosen) ?? zero;
        used.set(chosen, {
          memoryMb: before.memoryMb + memoryMb,
          diskMb: before.diskMb + diskMb,
          containers: before.containers + 1,
          starting: before.starting + 1,
        });
      }
      for (const { cellId, capacity } of cells) {
        const taken = used.get(cellId) ?? zero;
        expect(taken.memoryMb).toBeLessThanOrEqual(capacity.memoryMb);
        expect(taken.diskMb).toBeLessThanOrEqual(capacity.diskMb);
        expect(taken.containers).toBeLessThanOrEqual(capacity.containers);
      }
    }),
    { numRuns: 300 },
  );
});
