import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keepersOf, type MemberCell } from './keepers.ts';

const linux = { os: 'linux', architecture: 'amd64' };

function cell(cellId: string, more: Partial<MemberCell> = {}): MemberCell {
  return { cellId, platform: linux, placementTags: [], optionalPlacementTags: [], ...more };
}
function image(n: number, placementTags: string[] = []) {
  return { manifestDigest: `sha256:${n.toString(16).padStart(64, '0')}`, platform: linux, placementTags };
}
const cellIds = fc.uniqueArray(fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,10}$/), { minLength: 1, maxLength: 12 });

test('each image has two keepers, or as many as there are cells, whatever order the cells are in', () => {
  fc.assert(
    fc.property(cellIds, fc.nat(), fc.nat(), (ids, n, rotation) => {
      const cells = ids.map((id) => cell(id));
      const keepers = keepersOf(image(n), cells);
      expect(new Set(keepers).size).toBe(Math.min(2, ids.length));
      const turned = [...cells.slice(rotation % cells.length), ...cells.slice(0, rotation % cells.length)];
      expect(keepersOf(image(n), turned)).toEqual(keepers);
    }),
  );
});

test('a cell that goes moves only its own images, and one that comes takes only what becomes its own', () => {
  fc.assert(
    fc.property(cellIds, fc.nat(), (ids, n) => {
      const cells = ids.map((id) => cell(id));
      const before = keepersOf(image(n), cells);
      for (const gone of ids) {
        const after = keepersOf(
          image(n),
          cells.filter(({ cellId }) => cellId !== gone),
        );
        const stayed = before.filter((id) => id !== gone);
        expect(after.slice(0, stayed.length)).toEqual(stayed);
      }
    }),
  );
});

test('images are spread over the cells evenly', () => {
  const cells = Array.from({ length: 8 }, (_, i) => cell(`cell-${i}`));
  const kept = new Map<string, number>();
  for (let n = 0; n < 4_000; n++) {
    for (const id of keepersOf(image(n), cells)) kept.set(id, (kept.get(id) ?? 0) + 1);
  }
  // 1,000 each, and a standard deviation of about 30.
  for (const count of kept.values()) expect(Math.abs(count - 1_000)).toBeLessThan(150);
});

test('only cells that may start an image keep it: of its platform, and with its placement tags and no others', () => {
  const cells = [
    cell('plain'),
    cell('arm', { platform: { os: 'linux', architecture: 'arm64' } }),
    cell('gold', { placementTags: ['gold'] }),
    cell('either', { optionalPlacementTags: ['gold'] }),
  ];
  expect([...keepersOf(image(1), cells)].sort()).toEqual(['either', 'plain']);
  expect([...keepersOf(image(1, ['gold']), cells)].sort()).toEqual(['either', 'gold']);
  expect(keepersOf(image(1, ['silver']), cells)).toEqual([]);
});
