import type { CellPresence } from '@slipway/contracts';
import { expect, test } from 'vitest';
import { cell, lrp } from './model.test-support.ts';
import { type CellLoad, explainRefusal, fits } from './placement-filters.ts';

const load = (change: Partial<CellPresence> = {}, used: Partial<CellLoad> = {}): CellLoad => ({
  presence: cell('cell-1', change),
  memoryMb: 0,
  diskMb: 0,
  containers: 0,
  ...used,
});
const told = (desired: ReturnType<typeof lrp>, ...cells: CellLoad[]): string =>
  explainRefusal(desired, cells).placementError;

test.each([
  [{ memoryMb: 900 }, true],
  [{ memoryMb: 901 }, false],
  [{ diskMb: 900 }, true],
  [{ diskMb: 901 }, false],
  [{ containers: 9 }, true],
  [{ containers: 10 }, false],
])(
  'a cell of 1000 MB memory, 1000 MB disk and 10 containers with %j taken fits 100 MB of each: %s',
  (used, expected) => {
    expect(fits(load({}, used), lrp(1))).toBe(expected);
  },
);

test.each([
  [[], [], [], true],
  [[], [], ['a'], false],
  [['a'], [], [], false],
  [['a'], [], ['a'], true],
  [['a'], [], ['a', 'b'], false],
  [['a'], ['b'], ['a', 'b'], true],
  [['a'], ['b'], ['b'], false],
  [[], ['b'], [], true],
  [[], ['b'], ['b'], true],
])('a cell with tags %j and optional tags %j takes an LRP with %j: %s', (required, optional, wanted, expected) => {
  const tagged = load({ placementTags: required, optionalPlacementTags: optional });
  expect(fits(tagged, lrp(1, { placementTags: wanted }))).toBe(expected);
});

test('the words are those of Diego', () => {
  expect(told(lrp(1))).toBe('unable to communicate to compatible cells');
  const arm = load({ platform: { os: 'linux', architecture: 'arm64' } });
  expect(told(lrp(1), arm)).toBe('found no compatible cell for required rootfs');
  expect(told(lrp(1), load({ placementTags: ['x'] }))).toBe('found no compatible cell with no placement tags');
  expect(told(lrp(1, { placementTags: ['a'] }), load())).toBe('found no compatible cell with placement tag "a"');
  expect(told(lrp(1, { placementTags: ['a', 'b'] }), load())).toBe(
    'found no compatible cell with placement tags "a" and "b"',
  );
  expect(told(lrp(1, { placementTags: ['a', 'b', 'c'] }), load())).toBe(
    'found no compatible cell with placement tags "a", "b" and "c"',
  );
  expect(told(lrp(1, { memoryMb: 2_000 }), load())).toBe('insufficient resources: memory');
  expect(told(lrp(1, { memoryMb: 2_000, diskMb: 2_000 }), load({}, { containers: 10 }))).toBe(
    'insufficient resources: containers, disk, memory',
  );
});

test('cells that were passed over are named, and what ails them, but not why', () => {
  const unhealthy = { cellId: 'cell-1', why: 'unhealthy' } as const;
  const evacuating = { cellId: 'cell-2', why: 'evacuating' } as const;
  expect(explainRefusal(lrp(1), [], [unhealthy]).placementError).toBe(
    'unable to communicate to compatible cells (passed over: cell cell-1 cannot create containers)',
  );
  expect(explainRefusal(lrp(1, { memoryMb: 2_000 }), [load()], [unhealthy, evacuating]).placementError).toBe(
    'insufficient resources: memory (passed over: cell cell-1 cannot create containers, cell cell-2 is being evacuated)',
  );
  const many = Array.from({ length: 7 }, (_, i) => ({ ...unhealthy, cellId: `cell-${i}` }));
  expect(explainRefusal(lrp(1), [], many).placementError).toMatch(/cell-4 cannot create containers, 2 more\)$/);
});

test('only what every candidate lacks is told', () => {
  const fullMemory = load({}, { memoryMb: 1_000 });
  const fullDisk = load({}, { diskMb: 1_000 });
  expect(told(lrp(1), fullMemory, fullDisk)).toBe('insufficient resources');
  expect(told(lrp(1), fullMemory, load({}, { memoryMb: 1_000, diskMb: 1_000 }))).toBe('insufficient resources: memory');
});

test('the furthest condition that some cell reached is told, with how many each refused', () => {
  const arm = load({ platform: { os: 'linux', architecture: 'arm64' } });
  const tagged = load({ placementTags: ['x'] });
  expect(explainRefusal(lrp(1, { memoryMb: 2_000 }), [arm, arm, tagged, load()])).toEqual({
    placementError: 'insufficient resources: memory',
    refusedBy: { platform: 2, 'placement tags': 1, resources: 1 },
  });
  expect(told(lrp(1), arm, tagged)).toBe('found no compatible cell with no placement tags');
});

test('a text fits its field, however many tags are wanted', () => {
  const placementTags = Array.from({ length: 500 }, (_, i) => `tag-${i}`);
  expect(told(lrp(1, { placementTags }), load())).toHaveLength(1_024);
});
