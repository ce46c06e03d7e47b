import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planSync } from './plan-sync.ts';

const guid = fc.constantFrom<string>('a', 'b', 'c', 'd', 'e');
const print = fc.constantFrom('1', '2');
const desiredMaps = fc.dictionary(guid, print).map((entries) => new Map(Object.entries(entries)));
const recordMaps = fc
  .dictionary(guid, fc.option(print, { nil: undefined }))
  .map((entries) => new Map(Object.entries(entries)));

test('carrying out the plan gives what is desired, and leaves alone what cannot be computed', () => {
  fc.assert(
    fc.property(desiredMaps, recordMaps, fc.uniqueArray(guid), (desired, records, broken) => {
      const unknown = new Set<string>(broken.filter((id) => !desired.has(id)));
      const { write, remove } = planSync(desired, records, unknown);
      const after = new Map(records);
      for (const id of write) after.set(id, desired.get(id));
      for (const id of remove) after.delete(id);
      for (const [id, wanted] of desired) expect(after.get(id)).toBe(wanted);
      for (const id of unknown) expect(after.get(id)).toBe(records.get(id));
      for (const id of after.keys()) expect(desired.has(id) || unknown.has(id)).toBe(true);
      // Nothing is written that is right already.
      expect(write.every((id) => records.get(id) !== desired.get(id) || !records.has(id))).toBe(true);
      expect(planSync(desired, after, unknown)).toEqual({ write: [], remove: [] });
    }),
  );
});
