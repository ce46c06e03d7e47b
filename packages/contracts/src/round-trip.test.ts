import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arbitraryOf } from './arbitrary.test-support.ts';
import { keys } from './index.ts';
import { kinds } from './message-kinds.test-support.ts';

const ENVELOPE = { v: 1, id: 'i', time: '2026-03-01T10:15:30.123Z', source: 's' };
const overTheWire = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe.each(Object.entries(kinds))('%s', (type, { schema, parse, enveloped }) => {
  const wrap = (data: unknown): unknown => (enveloped ? { ...ENVELOPE, type, data } : data);

  test('what the schema accepts comes back the same after being written and read', () => {
    fc.assert(
      fc.property(arbitraryOf(schema), (data) => {
        const read = parse(overTheWire(wrap(data)));
        expect(read).toEqual(wrap(data));
        expect(parse(overTheWire(read))).toEqual(read);
      }),
      { numRuns: 100 },
    );
  });

  test('what is not an object of this kind is refused, not mangled', () => {
    const other = fc.oneof(fc.jsonValue(), fc.constant({ ...ENVELOPE, type: 'another', data: {} }));
    fc.assert(
      fc.property(other, (value) => {
        expect(() => parse(value)).toThrow();
      }),
    );
  });
});

test('a key tells what it is of: parts never run into one another', () => {
  const cellId = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,30}$/);
  fc.assert(
    fc.property(
      fc.uuid(),
      cellId,
      fc.nat(),
      fc.uuid(),
      cellId,
      fc.nat(),
      (guidA, cellA, indexA, guidB, cellB, indexB) => {
        const a = [keys.placed(cellA, guidA), keys.unplaced(guidA, indexA), keys.instance(cellA, guidA)];
        const b = [keys.placed(cellB, guidB), keys.unplaced(guidB, indexB), keys.instance(cellB, guidB)];
        expect(a[0] === b[0]).toBe(cellA === cellB && guidA === guidB);
        expect(a[1] === b[1]).toBe(guidA === guidB && indexA === indexB);
        expect(a[2] === b[2]).toBe(cellA === cellB && guidA === guidB);
        for (const key of a) expect(key).toMatch(/^[-/_=.a-zA-Z0-9]+$/);
        expect(keys.placed(cellA, guidA).startsWith(keys.placedOn(cellA).slice(0, -1))).toBe(true);
        expect(keys.instance(cellA, guidA).startsWith(keys.instancesOf(cellA).slice(0, -1))).toBe(true);
      },
    ),
  );
});
