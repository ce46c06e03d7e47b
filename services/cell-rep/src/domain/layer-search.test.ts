import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LayerSearch } from './layer-search.ts';

const places = fc.array(fc.record({ name: fc.string(), tries: fc.integer({ min: 1, max: 3 }) }), { maxLength: 4 });

test('every place is asked in its order, and the search ends: after so many bad answers, or one failure, of each', () => {
  fc.assert(
    fc.property(places, fc.infiniteStream(fc.boolean()), (list, sendsBad) => {
      const search = new LayerSearch(list);
      const asked: string[] = [];
      const most = list.reduce((sum, { tries }) => sum + tries, 0);
      for (let place = search.place; place !== undefined; place = search.place) {
        asked.push(place.name);
        expect(asked.length).toBeLessThanOrEqual(most);
        const next = search.after;
        if (sendsBad.next().value === true) {
          const over = search.sentBad(new Error('bad'));
          expect(search.place).toBe(over ? next : place);
        } else {
          search.failed(new Error('away'));
          expect(search.place).toBe(next);
        }
      }
      expect(search.failures.map(({ place }) => place)).toEqual(list.map(({ name }) => name));
      expect(asked.filter((name, i) => name !== asked[i - 1]).length).toBeLessThanOrEqual(list.length);
    }),
  );
});

test('a place that has it no more is remembered for what it sent before', () => {
  const search = new LayerSearch([
    { name: 'cells', tries: 2 },
    { name: 'registry', tries: 1 },
  ]);
  const bad = new Error('bad');
  expect(search.sentBad(bad)).toBe(false);
  expect(search.failed()).toBe(bad);
  expect(search.failed()).toBeUndefined();
  expect(search.failures).toEqual([
    { place: 'cells', error: bad },
    { place: 'registry', error: undefined },
  ]);
});
