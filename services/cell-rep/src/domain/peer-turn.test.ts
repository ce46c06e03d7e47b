import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decideTurn, inLayerOrder, type PeerAnswer } from './peer-turn.ts';

const diffId = `sha256:${'ab'.repeat(32)}`;
const none: PeerAnswer = { state: 'none' };

const ask = (answers: Record<string, PeerAnswer>, rivals: string[] = [], patient = true): unknown =>
  decideTurn({ cellId: 'cell-2', diffId, answers: new Map(Object.entries(answers)), rivals: new Set(rivals), patient });

test('a cell that is alone, or whose neighbours have nothing, fetches', () => {
  expect(ask({})).toEqual({ kind: 'fetch' });
  expect(ask({ 'cell-1': none, 'cell-3': none })).toEqual({ kind: 'fetch' });
});

test('it waits for who fetches and for who has no place free, as long as it has patience', () => {
  const answers: Record<string, PeerAnswer> = {
    'cell-1': { state: 'coming', fetching: true },
    'cell-3': { state: 'have', archiveBytes: 1, busy: true },
    'cell-4': none,
  };
  expect(ask(answers)).toEqual({ kind: 'wait', for: ['cell-1', 'cell-3'] });
  expect(ask(answers, [], false)).toEqual({ kind: 'fetch' });
});

test("of two that ask one another the first in the layer's order goes ahead, however they hear of it", () => {
  const [first, second] = inLayerOrder(['cell-1', 'cell-2'], diffId);
  for (const [cellId, other] of [
    [first, second],
    [second, first],
  ] as [string, string][]) {
    const common = { cellId, diffId, patient: true };
    const heard = new Map<string, PeerAnswer>([[other, { state: 'coming', fetching: false }]]);
    const expected = cellId === first ? { kind: 'fetch' } : { kind: 'wait', for: [first] };
    expect(decideTurn({ ...common, answers: heard, rivals: new Set() })).toEqual(expected);
    expect(decideTurn({ ...common, answers: new Map([[other, none]]), rivals: new Set([other]) })).toEqual(expected);
  }
});

test('cells stand in another order for other layers', () => {
  const cells = Array.from({ length: 20 }, (_, i) => `cell-${i}`);
  const firsts = new Set(Array.from({ length: 100 }, (_, i) => inLayerOrder(cells, `sha256:${i}`)[0]));
  expect(firsts.size).toBeGreaterThan(10);
});

/** A cell as the protocol sees it; one step of it is one question, or one decision. */
interface Cell {
  readonly id: string;
  state: 'idle' | 'asking' | 'fetching' | 'has';
  unasked: string[];
  waitsFor: readonly string[] | undefined;
  readonly answers: Map<string, PeerAnswer>;
  readonly rivals: Set<string>;
}

test('however their steps fall, cells fetch a layer once, and all have it in the end', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.array(fc.nat({ max: 5 }), { maxLength: 400 }), (count, schedule) => {
      const ids = Array.from({ length: count }, (_, i) => `cell-${i}`);
      const cells = ids.map(
        (id): Cell => ({
          id,
          state: 'idle',
          unasked: [],
          waitsFor: undefined,
          answers: new Map(),
          rivals: new Set(),
        }),
      );
      let fetched = 0;
      const begin = (cell: Cell): void => {
        cell.unasked = [...(cell.waitsFor ?? ids)].filter((id) => id !== cell.id);
        cell.answers.clear();
        cell.rivals.clear();
      };
      const answer = (cell: Cell, asker: string): PeerAnswer => {
        if (cell.state === 'has') return { state: 'have', archiveBytes: 1, busy: false };
        if (cell.state === 'idle') return none;
        if (cell.state === 'asking') cell.rivals.add(asker);
        return { state: 'coming', fetching: cell.state === 'fetching' };
      };
      const step = (cell: Cell): void => {
        if (cell.state === 'has') return;
        if (cell.state === 'fetching') {
          cell.state = 'has';
          return;
        }
        if (cell.state === 'idle') {
          cell.state = 'asking';
          begin(cell);
          return;
        }
        const next = cell.unasked.pop();
        if (next !== undefined) {
          cell.answers.set(next, answer(cells[ids.indexOf(next)] as Cell, cell.id));
          return;
        }
        if ([...cell.answers.values()].some(({ state }) => state === 'have')) {
          cell.state = 'has';
          return;
        }
        const turn = decideTurn({ cellId: cell.id, diffId, answers: cell.answers, rivals: cell.rivals, patient: true });
        if (turn.kind === 'wait') {
          cell.waitsFor = turn.for;
          begin(cell);
        } else if (cell.waitsFor === undefined) {
          cell.state = 'fetching';
          fetched += 1;
        } else {
          cell.waitsFor = undefined;
          begin(cell);
        }
      };
      for (const turn of schedule) step(cells[turn % count] as Cell);
      for (let round = 0; cells.some(({ state }) => state !== 'has'); round += 1) {
        if (round > 100) throw new Error('some cell waits for ever');
        for (const cell of cells) step(cell);
      }
      expect(fetched).toBe(1);
    }),
    { numRuns: 2_000 },
  );
});
