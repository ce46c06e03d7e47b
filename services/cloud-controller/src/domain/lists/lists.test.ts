import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ListQuery, type ListSpec, parseListQuery, splitValues } from './list-query.ts';
import { pagination } from './pagination.ts';

const spec: ListSpec = { filters: ['names', 'guids', 'hosts'], orderBy: ['created_at', 'name'] };
const noon = '2026-01-01T12:00:00Z';
const timeFormat = "Timestamps should be formatted as 'YYYY-MM-DDThh:mm:ssZ'";
const parsed = (raw: Record<string, string | string[]>): ListQuery => {
  const result = parseListQuery(spec, raw);
  if (result.outcome === 'rejected') throw new Error(result.problems.join());
  return result.query;
};

describe('a list query', () => {
  test('has defaults', () => {
    expect(parsed({})).toEqual({
      page: 1,
      perPage: 50,
      orderBy: undefined,
      filters: new Map(),
      times: [],
      labels: [],
      include: new Set(),
      repeated: [],
    });
  });
  test('splits values at commas, then decodes each', () => {
    expect(parsed({ names: 'a,b%2Cc,100%' }).filters.get('names')).toEqual(['a', 'b,c', '100%']);
  });
  test('takes an empty value for a value', () => {
    expect(parsed({ hosts: '' }).filters.get('hosts')).toEqual(['']);
  });
  test('orders both ways', () => {
    expect(parsed({ order_by: 'name' }).orderBy).toEqual({ field: 'name', descending: false });
    expect(parsed({ order_by: '-created_at' }).orderBy).toEqual({ field: 'created_at', descending: true });
    expect(parsed({ order_by: '+name' }).orderBy).toEqual({ field: 'name', descending: false });
  });
  test.each<[Record<string, string>, string]>([
    [{ page: '0' }, 'Page must be a positive integer'],
    [{ page: 'x' }, 'Page must be a positive integer'],
    [{ per_page: '5001' }, 'Per page must be between 1 and 5000'],
    [{ per_page: '1e2' }, 'Per page must be between 1 and 5000'],
    [{ order_by: 'size' }, "Order by can only be: 'created_at', 'name'"],
    [
      { colour: 'red' },
      "Unknown query parameter(s): 'colour'. Valid parameters are: 'page', 'per_page', 'order_by', 'label_selector', 'created_ats', 'updated_ats', 'names', 'guids', 'hosts'",
    ],
    [{ label_selector: 'a=b=c' }, 'Invalid label_selector value'],
    [{ 'created_ats[gt]': `${noon},${noon}` }, 'Created ats only accepts one value when using an inequality filter'],
    [{ updated_ats: 'noon' }, `Updated ats has an invalid timestamp format. ${timeFormat}`],
    [{ include: 'user' }, "Unknown query parameter(s): 'include'"],
  ])('%j is refused', (raw, problem) => {
    expect(parseListQuery(spec, raw)).toEqual({
      outcome: 'rejected',
      problems: [expect.stringContaining(problem)],
    });
  });
  test('takes times, and compares them', () => {
    expect(parsed({ created_ats: noon, 'updated_ats[lte]': noon }).times).toEqual([
      { column: 'created_at', operator: '=', values: ['2026-01-01T12:00:00'] },
      { column: 'updated_at', operator: '<=', values: ['2026-01-01T12:00:00'] },
    ]);
  });
  test('takes what may be included and nothing else', () => {
    const including: ListSpec = { ...spec, include: ['user', 'space'] };
    const result = parseListQuery(including, { include: 'user,space' });
    expect(result).toMatchObject({ outcome: 'parsed', query: { include: new Set(['user', 'space']) } });
    expect(parseListQuery(including, { include: 'user,app' })).toEqual({
      outcome: 'rejected',
      problems: ["Invalid included resource: 'app'. Valid included resources are: 'user', 'space'"],
    });
  });
  test('is total', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.array(fc.string()))), (raw) => {
        expect(['parsed', 'rejected']).toContain(parseListQuery(spec, raw).outcome);
      }),
    );
  });
  test('gives back every value as the cf CLI encodes it', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1 }), (values) => {
        // Commas and percent signs would be mistaken.
        const text = values.map((value) => value.replaceAll('%', '%25').replaceAll(',', '%2C')).join(',');
        expect(splitValues(text)).toEqual(values);
      }),
    );
  });
});

describe('pagination', () => {
  const url = 'http://localhost:8080/v3/apps';
  test('repeats the filters in its links', () => {
    const query = parsed({ names: 'a b,c', order_by: '-name', page: '2', per_page: '10' });
    expect(pagination(url, query, 25)).toEqual({
      total_results: 25,
      total_pages: 3,
      first: { href: `${url}?names=a+b%2Cc&order_by=-name&page=1&per_page=10` },
      last: { href: `${url}?names=a+b%2Cc&order_by=-name&page=3&per_page=10` },
      next: { href: `${url}?names=a+b%2Cc&order_by=-name&page=3&per_page=10` },
      previous: { href: `${url}?names=a+b%2Cc&order_by=-name&page=1&per_page=10` },
    });
  });
  test('has one page of nothing', () => {
    expect(pagination(url, parsed({}), 0)).toMatchObject({ total_pages: 1, next: null, previous: null });
  });
  test('leads through everything, once, and ends', () => {
    fc.assert(
      fc.property(fc.nat(500), fc.integer({ min: 1, max: 60 }), (total, perPage) => {
        let page = 1;
        for (let seen = 0; ; seen++) {
          expect(seen).toBeLessThanOrEqual(total);
          const { next, total_pages } = pagination(
            url,
            parsed({ page: String(page), per_page: String(perPage) }),
            total,
          );
          if (next === null) {
            expect(page).toBe(total_pages);
            return;
          }
          page = Number(new URL(next.href).searchParams.get('page'));
        }
      }),
    );
  });
});
