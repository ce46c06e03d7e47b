import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseReadQuery, type QueryParameters } from './read-query.ts';

const valid = (parameters: QueryParameters) => {
  const result = parseReadQuery(parameters);
  if (result.outcome === 'invalid') throw new Error(result.message);
  return result.range;
};

test('what cf logs --recent sends', () => {
  const range = valid({
    start_time: '-6795364578871345152',
    limit: '1000',
    descending: 'true',
    envelope_types: 'LOG',
  });
  expect(range).toEqual({
    startTime: -6795364578871345152n,
    endTime: undefined,
    limit: 1_000,
    descending: true,
    types: new Set(['LOG']),
  });
});

test('without parameters: from the epoch, 100 oldest, every type', () => {
  const defaults = { startTime: 0n, endTime: undefined, limit: 100, descending: false, types: undefined };
  expect(valid({})).toEqual(defaults);
  expect(valid({ limit: '0', end_time: '0', name_filter: '', unknown: 'ignored' })).toEqual(defaults);
});

test('types add up, by name or number, and ANY among them filters nothing by itself', () => {
  expect(valid({ envelope_types: ['LOG', 'GAUGE'] }).types).toEqual(new Set(['LOG', 'GAUGE']));
  expect(valid({ envelope_types: ['1', '5'] }).types).toEqual(new Set(['LOG', 'EVENT']));
  expect(valid({ envelope_types: 'ANY' }).types).toBeUndefined();
  expect(valid({ envelope_types: ['ANY', 'LOG'] }).types).toEqual(new Set(['LOG']));
});

test('a name filter leaves no log line, for log lines have no name', () => {
  expect(valid({ name_filter: 'cpu' }).types).toEqual(new Set(['GAUGE']));
  expect(valid({ name_filter: '^(disk|memory)_quota$' }).types).toEqual(new Set(['GAUGE']));
  expect(valid({ name_filter: '^quota' }).types).toEqual(new Set());
  expect(valid({ name_filter: 'cpu', envelope_types: 'LOG' }).types).toEqual(new Set());
});

test.each([
  [{ limit: '1001' }, 'limit (1001) must be 1000 or less'],
  [{ limit: '-1' }, 'limit (-1) must be greater than zero'],
  [{ limit: 'many' }, 'invalid value of limit'],
  [{ limit: ['1', '2'] }, 'invalid value of limit'],
  [{ start_time: '1.5' }, 'invalid value of start_time'],
  [{ start_time: '9223372036854775808' }, 'invalid value of start_time'],
  [{ end_time: 'x' }, 'invalid value of end_time'],
  [{ start_time: '2', end_time: '1' }, 'start_time (2) must be before end_time (1)'],
  [{ descending: 'yes' }, 'invalid value of descending'],
  [{ envelope_types: 'log' }, 'invalid value of envelope_types'],
  [{ limit: 'x', descending: 'y' }, 'invalid value of limit; invalid value of descending'],
] as const)('%j is refused', (parameters, message) => {
  expect(parseReadQuery(parameters as QueryParameters)).toEqual({ outcome: 'invalid', message });
});

test('any query gives a range within the limits, or says what is wrong with it', () => {
  const value = fc.oneof(
    fc.string(),
    fc.bigInt().map(String),
    fc.integer({ min: -5, max: 1_005 }).map(String),
    fc.array(fc.constantFrom('LOG', 'GAUGE', 'ANY', '3', 'x')),
  );
  const parameters = fc.dictionary(
    fc.constantFrom('start_time', 'end_time', 'limit', 'descending', 'envelope_types', 'name_filter'),
    value,
  );
  fc.assert(
    fc.property(parameters, (given) => {
      const result = parseReadQuery(given);
      if (result.outcome === 'invalid') expect(result.message).not.toBe('');
      else {
        expect(result.range.limit).toBeGreaterThan(0);
        expect(result.range.limit).toBeLessThanOrEqual(1_000);
        expect(BigInt.asIntN(64, result.range.startTime)).toBe(result.range.startTime);
      }
    }),
  );
});
