import type { Instance, PlacementRecord } from '@slipway/contracts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { processStats } from './process-stats.ts';

const now = Date.parse('2026-11-20T10:10:00.000Z');
const since = '2026-11-20T10:00:00.000Z';
const guids = ['a', 'b', 'c'].map((letter) => `${letter.repeat(8)}-0000-4000-8000-000000000000`);
const processGuid = `${guids[0]}-${guids[1]}`;

const instance = (more: Partial<Instance> = {}): Instance => ({
  v: 1,
  instanceGuid: guids[0] ?? '',
  processGuid,
  index: 0,
  cellId: 'cell-1',
  state: 'RUNNING',
  since,
  routable: true,
  ...more,
});
const placed = (instanceGuid = guids[0] ?? '', index = 0): PlacementRecord => ({
  v: 1,
  kind: 'placed',
  processGuid,
  index,
  instanceGuid,
  cellId: 'cell-1',
  crashCount: 0,
  placedAt: since,
  memoryMb: 1,
  diskMb: 1,
});
type Unplaced = Extract<PlacementRecord, { kind: 'unplaced' }>;
const unplaced = (more: Partial<Unplaced>): PlacementRecord => ({
  v: 1,
  kind: 'unplaced',
  processGuid,
  index: 0,
  state: 'UNCLAIMED',
  crashCount: 0,
  since,
  ...more,
});
const first = (placements: PlacementRecord[], actual: Instance[]) =>
  processStats({ instances: 1, placements, actual, now })[0];

describe('an index', () => {
  test('of which nothing is known is DOWN', () => {
    expect(first([], [])).toMatchObject({ state: 'DOWN', details: null, uptimeS: 0 });
  });
  test('that runs says since when', () => {
    expect(first([placed()], [instance()])).toMatchObject({ state: 'RUNNING', uptimeS: 600, details: null });
  });
  test('that is placed is STARTING before its cell says anything', () => {
    expect(first([placed()], [])).toMatchObject({ state: 'STARTING', details: null });
  });
  test('that starts says what it is doing, but not as details, which the cf CLI takes for an error', () => {
    const starting = instance({ state: 'CLAIMED', phase: 'pulling', routable: false });
    expect(first([placed()], [starting])).toMatchObject({ state: 'STARTING', phase: 'pulling', details: null });
  });
  test('that waits for a cell is STARTING, and DOWN with the reason when none takes it', () => {
    expect(first([unplaced({})], [])).toMatchObject({ state: 'STARTING', details: null });
    expect(first([unplaced({ placementError: 'insufficient resources: memory' })], [])).toMatchObject({
      state: 'DOWN',
      details: 'insufficient resources: memory',
    });
  });
  test('that crashed is STARTING while it is started anew at once, and CRASHED with the reason while it waits', () => {
    const crashed = instance({ state: 'CRASHED' });
    expect(first([placed()], [crashed])).toMatchObject({ state: 'STARTING' });
    expect(first([], [crashed])).toMatchObject({ state: 'STARTING' });
    expect(first([unplaced({ state: 'CRASHED', crashReason: 'Exited with status 1' })], [crashed])).toMatchObject({
      state: 'CRASHED',
      details: 'Exited with status 1',
    });
  });
  test('whose container ends is STOPPING', () => {
    expect(first([], [instance({ state: 'STOPPING' })])).toMatchObject({ state: 'STOPPING' });
  });
  test('with several containers shows the one that serves', () => {
    const old = instance({ instanceGuid: guids[1] ?? '', cellId: 'cell-2' });
    const starting = instance({ state: 'CLAIMED', since: '2026-11-20T10:09:00.000Z' });
    expect(first([placed()], [starting, old])).toMatchObject({ state: 'RUNNING', actual: { instanceGuid: guids[1] } });
  });
  test('with several that serve shows the one that is wanted', () => {
    const other = instance({ instanceGuid: guids[1] ?? '', since: '2026-11-20T10:05:00.000Z' });
    expect(first([placed()], [other, instance()])?.actual?.instanceGuid).toBe(guids[0]);
  });
});

const states = fc.constantFrom<Instance['state']>('CLAIMED', 'RUNNING', 'CRASHED', 'STOPPING');
const anyInstance = fc
  .record({ index: fc.nat(4), state: states, guid: fc.nat(2) })
  .map(({ index, state, guid }) => instance({ index, state, instanceGuid: guids[guid] ?? '' }));
const anyPlacement = fc.oneof(
  fc.record({ index: fc.nat(4), guid: fc.nat(2) }).map(({ index, guid }) => placed(guids[guid], index)),
  fc
    .record({
      index: fc.nat(4),
      state: fc.constantFrom<Unplaced['state']>('UNCLAIMED', 'CRASHED'),
      placementError: fc.option(fc.string(), { nil: undefined }),
    })
    .map(({ placementError, ...rest }) =>
      unplaced({ ...rest, ...(placementError === undefined ? {} : { placementError }) }),
    ),
);

test('there is always one entry for each desired index, in order, and what runs is never hidden', () => {
  fc.assert(
    fc.property(fc.nat(6), fc.array(anyPlacement), fc.array(anyInstance), (instances, placements, actual) => {
      const stats = processStats({ instances, placements, actual, now });
      expect(stats.map(({ index }) => index)).toEqual([...Array(instances).keys()]);
      for (const entry of stats) {
        const runs = actual.some(({ index, state }) => index === entry.index && state === 'RUNNING');
        expect(entry.state === 'RUNNING').toBe(runs);
        if (entry.state === 'RUNNING' || entry.state === 'STARTING') expect(entry.details).toBeNull();
      }
      // The order in which records came makes no difference.
      const shuffled = { instances, placements: placements.toReversed(), actual: actual.toReversed(), now };
      const unambiguous = new Set(placements.map(({ index, kind }) => `${index} ${kind}`)).size === placements.length;
      if (unambiguous)
        expect(processStats(shuffled).map(({ state }) => state)).toEqual(stats.map(({ state }) => state));
    }),
  );
});
