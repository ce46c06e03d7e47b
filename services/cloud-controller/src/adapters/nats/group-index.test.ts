import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GroupIndex } from './group-index.ts';

interface Value {
  readonly group: string;
  readonly name: number;
}

test('finds just what a search through everything would find', () => {
  const change = fc.record({
    key: fc.constantFrom('k1', 'k2', 'k3'),
    value: fc.option(fc.record({ group: fc.constantFrom('g1', 'g2'), name: fc.nat() }), { nil: undefined }),
    reset: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(change), (changes) => {
      const index = new GroupIndex<Value>(({ group }) => group);
      const all = new Map<string, Value>();
      for (const { key, value, reset } of changes) {
        if (value === undefined) all.delete(key);
        else all.set(key, value);
        if (reset) index.reset(all);
        else index.set(key, value);
        for (const group of ['g1', 'g2']) {
          const expected = [...all.values()].filter((candidate) => candidate.group === group);
          expect(new Set(index.get(group))).toEqual(new Set(expected));
        }
      }
    }),
  );
});
