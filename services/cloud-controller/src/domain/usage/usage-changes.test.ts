import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ProcessUsage, usageChanges } from './usage-changes.ts';

const web: ProcessUsage = { guid: 'w', type: 'web', instances: 2, memoryMb: 64 };

test('a start, a change and an end are told, and nothing else', () => {
  expect(usageChanges([], [web])).toEqual([
    { state: 'STARTED', previousState: 'STOPPED', process: web, previous: web },
  ]);
  const scaled = { ...web, instances: 3 };
  expect(usageChanges([web], [scaled])).toEqual([
    { state: 'STARTED', previousState: 'STARTED', process: scaled, previous: web },
  ]);
  expect(usageChanges([web], [])).toEqual([
    { state: 'STOPPED', previousState: 'STARTED', process: web, previous: web },
  ]);
  expect(usageChanges([web], [web])).toEqual([]);
});

test('whoever adds up the events knows what is used', () => {
  const processes = fc
    .uniqueArray(fc.record({ guid: fc.constantFrom('a', 'b', 'c', 'd'), instances: fc.nat(5), memoryMb: fc.nat(9) }), {
      selector: ({ guid }) => guid,
    })
    .map((list) => list.map((process) => ({ ...process, type: 'web' })));
  fc.assert(
    fc.property(fc.array(processes), (states) => {
      const known = new Map<string, number>();
      let before: readonly ProcessUsage[] = [];
      for (const after of states) {
        for (const { state, process } of usageChanges(before, after)) {
          if (state === 'STOPPED') known.delete(process.guid);
          else known.set(process.guid, process.instances * process.memoryMb);
        }
        before = after;
      }
      const used = new Map(before.map((process) => [process.guid, process.instances * process.memoryMb]));
      expect(Object.fromEntries(known)).toEqual(Object.fromEntries(used));
    }),
  );
});
