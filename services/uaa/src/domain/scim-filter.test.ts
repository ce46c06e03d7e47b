import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Comparison, parseScimFilter, type ScimFilter } from './scim-filter.ts';
import { ScimFilterSyntaxError } from './scim-filter-lexer.ts';

const operators: Comparison[] = ['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le'];

const leaf: fc.Arbitrary<ScimFilter> = fc.oneof(
  fc.record({
    kind: fc.constant('compare' as const),
    attribute: fc.constantFrom('userName', 'name.givenName', 'urn:scim:x', 'not', 'and'),
    operator: fc.constantFrom(...operators),
    value: fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.integer({ min: -999_999, max: 999_999 }),
      fc.boolean(),
      fc.constant(null),
    ),
  }),
  fc.record({ kind: fc.constant('present' as const), attribute: fc.constantFrom('id', 'emails.value') }),
);
const { filter: anyFilter } = fc.letrec<{ filter: ScimFilter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    leaf,
    fc.record({ kind: fc.constantFrom('and' as const, 'or' as const), left: tie('filter'), right: tie('filter') }),
    fc.record({ kind: fc.constant('not' as const), filter: tie('filter') }),
  ),
}));

/** Writes a filter with every bracket, and operators in capitals. */
function write(filter: ScimFilter): string {
  switch (filter.kind) {
    case 'compare':
      return `${filter.attribute} ${filter.operator.toUpperCase()} ${writeValue(filter.value)}`;
    case 'present':
      return `${filter.attribute} Pr`;
    case 'not':
      return `NOT (${write(filter.filter)})`;
    default:
      return `(${write(filter.left)}) ${filter.kind.toUpperCase()} (${write(filter.right)})`;
  }
}

/** JSON, with what JSON leaves as it is and control characters are escaped. */
function writeValue(value: string | number | boolean | null): string {
  return JSON.stringify(value).replace(
    /\p{Cc}/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

test('what is written with brackets is read back', () => {
  fc.assert(
    fc.property(anyFilter, (filter) => {
      expect(parseScimFilter(write(filter))).toEqual(filter);
    }),
  );
});

test('any text is a filter or a syntax error that says where', () => {
  const pieces = fc
    .array(
      fc.constantFrom('userName', 'eq', 'pr', 'and', 'or', 'not', '(', ')', '"x"', '"', '1', 'true', '\\', ' ', 'ü'),
      { maxLength: 30 },
    )
    .map((all) => all.join(' '));
  fc.assert(
    fc.property(fc.oneof(pieces, fc.string(), fc.string({ unit: 'binary' })), (text) => {
      try {
        parseScimFilter(text);
      } catch (error) {
        expect(error).toBeInstanceOf(ScimFilterSyntaxError);
        const { offset } = error as ScimFilterSyntaxError;
        expect(offset).toBeGreaterThanOrEqual(0);
        expect(offset).toBeLessThanOrEqual(text.length);
      }
    }),
    { numRuns: 2_000 },
  );
});

describe('by example', () => {
  const eq = (attribute: string, value: string): ScimFilter => ({ kind: 'compare', attribute, operator: 'eq', value });

  test('what cf sends', () => {
    expect(parseScimFilter('userName eq "dev" and origin eq "uaa"')).toEqual({
      kind: 'and',
      left: eq('userName', 'dev'),
      right: eq('origin', 'uaa'),
    });
    expect(parseScimFilter('userName Eq "a\\"b\\\\c"')).toEqual(eq('userName', 'a"b\\c'));
  });

  test('and binds tighter than or, not tighter than both', () => {
    const [a, b, c] = [eq('a', '1'), eq('b', '2'), eq('c', '3')] as const;
    expect(parseScimFilter('a eq "1" or b eq "2" and c eq "3"')).toEqual({
      kind: 'or',
      left: a,
      right: { kind: 'and', left: b, right: c },
    });
    expect(parseScimFilter('not (a eq "1") and b eq "2"')).toEqual({
      kind: 'and',
      left: { kind: 'not', filter: a },
      right: b,
    });
    expect(parseScimFilter('(a eq "1" or b eq "2") and c eq "3"')).toEqual({
      kind: 'and',
      left: { kind: 'or', left: a, right: b },
      right: c,
    });
  });

  test.each([
    ['', 0],
    ['userName', 8],
    ['userName eq', 11],
    ['userName is "x"', 9],
    ['userName eq x', 12],
    ["userName eq 'x'", 12],
    ['userName eq "x', 12],
    ['userName eq "x" origin', 16],
    ['(userName pr', 12],
    ['userName pr)', 11],
    ['emails[value eq "x"]', 6],
    ['userName eq 01', 12],
  ])('%j is wrong at %i', (text, offset) => {
    expect(() => parseScimFilter(text)).toThrow(ScimFilterSyntaxError);
    try {
      parseScimFilter(text);
    } catch (error) {
      expect((error as ScimFilterSyntaxError).offset).toBe(offset);
    }
  });

  test('endless ones are refused and do not exhaust the stack', () => {
    expect(() => parseScimFilter('('.repeat(4_000))).toThrow(ScimFilterSyntaxError);
    expect(() => parseScimFilter('not ('.repeat(800))).toThrow(ScimFilterSyntaxError);
    expect(() => parseScimFilter('a pr or '.repeat(200))).toThrow(/fewer terms/);
    expect(() => parseScimFilter(`a eq "${'x'.repeat(5_000)}"`)).toThrow(ScimFilterSyntaxError);
  });
});
