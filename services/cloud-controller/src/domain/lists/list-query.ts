import { isStorable } from '../body-problem.ts';
import { type LabelRequirement, parseLabelSelector } from './label-selector.ts';
import { isTimeParameter, parseTimeFilter, type TimeFilter } from './time-filter.ts';

/** What a list endpoint understands besides `page`, `per_page` and `order_by`. */
export interface ListSpec {
  /** Parameters that take a comma-separated list of values, e.g. `names`. */
  readonly filters: readonly string[];
  /** Fields for `order_by`. */
  readonly orderBy: readonly string[];
  /** Parameters that take one value which is none of a list's business, e.g. `source_guid`. */
  readonly others?: readonly string[];
  /** Related resources that may come along: the values of `include`. */
  readonly include?: readonly string[];
  /** False: the listed things are no rows with times and labels, e.g. feature flags. */
  readonly rows?: false;
}

export interface ListQuery {
  readonly page: number;
  readonly perPage: number;
  /** Undefined: in the order of creation. */
  readonly orderBy: { readonly field: string; readonly descending: boolean } | undefined;
  /** An empty value is a value: `hosts=` asks for routes without host. */
  readonly filters: ReadonlyMap<string, readonly string[]>;
  readonly times: readonly TimeFilter[];
  readonly labels: readonly LabelRequirement[];
  readonly include: ReadonlySet<string>;
  /** As given, without `page` and `per_page`: links to other pages repeat them. */
  readonly repeated: readonly (readonly [string, string])[];
}

export type ListQueryResult =
  | { readonly outcome: 'parsed'; readonly query: ListQuery }
  | { readonly outcome: 'rejected'; readonly problems: readonly string[] };

const DEFAULT_PER_PAGE = 50;
/** cloud_controller_ng `PaginationOptions::PER_PAGE_MAX`. */
export const MAX_PER_PAGE = 5000;
const PAGING = ['page', 'per_page', 'order_by'];
const OF_ROWS = ['label_selector', 'created_ats', 'updated_ats'];

type RawQuery = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Parses the query of a list endpoint (API v3, "Pagination" and "Filters"). Texts are cloud_controller_ng's. */
export function parseListQuery(spec: ListSpec, raw: RawQuery): ListQueryResult {
  const known = knownParameters(spec);
  const given = Object.entries(raw).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, last(value)] as const],
  );
  const problems: string[] = [];
  const isKnown = (name: string): boolean => known.includes(name) || (spec.rows !== false && isTimeParameter(name));
  const unknown = given.map(([name]) => name).filter((name) => !isKnown(name));
  if (unknown.length > 0) problems.push(unknownParameters(unknown, known));

  for (const [name, text] of given) {
    // They are encoded twice where they have commas.
    if (!splitValues(text).every(isStorable)) problems.push(`${name} has characters that no text has`);
  }
  const values = new Map(given);
  const page = wholeNumber(values.get('page') ?? '1');
  if (page === undefined || page < 1) problems.push('Page must be a positive integer');
  const perPage = wholeNumber(values.get('per_page') ?? String(DEFAULT_PER_PAGE));
  if (perPage === undefined || perPage < 1 || perPage > MAX_PER_PAGE) {
    problems.push(`Per page must be between 1 and ${MAX_PER_PAGE}`);
  }
  const orderBy = parseOrder(values.get('order_by'));
  if (orderBy !== undefined && !spec.orderBy.includes(orderBy.field)) {
    problems.push(`Order by can only be: ${spec.orderBy.map((field) => `'${field}'`).join(', ')}`);
  }
  const times = spec.rows === false ? [] : parseTimes(given, problems);
  const labels = spec.rows === false ? [] : parseLabels(values.get('label_selector'), problems);
  const include = parseInclude(spec.include === undefined ? undefined : values.get('include'), spec.include ?? []);
  problems.push(...include.problems);
  if (problems.length > 0 || page === undefined || perPage === undefined) return { outcome: 'rejected', problems };
  const filters = new Map(
    spec.filters.flatMap((name) => {
      const text = values.get(name);
      return text === undefined ? [] : [[name, splitValues(text)] as const];
    }),
  );
  const repeated = given.filter(([name]) => name !== 'page' && name !== 'per_page');
  return {
    outcome: 'parsed',
    query: { page, perPage, orderBy, filters, times, labels, include: include.names, repeated },
  };
}

function knownParameters(spec: ListSpec): string[] {
  return [
    ...PAGING,
    ...(spec.rows === false ? [] : OF_ROWS),
    ...(spec.include === undefined ? [] : ['include']),
    ...spec.filters,
    ...(spec.others ?? []),
  ];
}

function parseTimes(given: readonly (readonly [string, string])[], problems: string[]): TimeFilter[] {
  return given.flatMap(([name, text]) => {
    if (!isTimeParameter(name)) return [];
    const result = parseTimeFilter(name, splitValues(text));
    if (result.outcome === 'parsed') return [result.filter];
    problems.push(result.problem);
    return [];
  });
}

function parseLabels(text: string | undefined, problems: string[]): readonly LabelRequirement[] {
  if (text === undefined) return [];
  const requirements = parseLabelSelector(text);
  if (requirements === undefined) problems.push('Invalid label_selector value');
  return requirements ?? [];
}

/** The value of `include`, of which one may ask for what is in `allowed`. */
export function parseInclude(
  text: string | undefined,
  allowed: readonly string[],
): { readonly names: ReadonlySet<string>; readonly problems: readonly string[] } {
  const names = text === undefined ? [] : splitValues(text);
  const wrong = names.filter((name) => !allowed.includes(name));
  const valid = allowed.map((name) => `'${name}'`).join(', ');
  const problems = wrong.map((name) => `Invalid included resource: '${name}'. Valid included resources are: ${valid}`);
  return { names: new Set(names), problems };
}

/** Problem text for parameters that an endpoint does not know. */
export function unknownParameters(unknown: readonly string[], known: readonly string[]): string {
  const quote = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ');
  return `Unknown query parameter(s): ${quote(unknown)}. Valid parameters are: ${quote(known)}`;
}

/** Splits at commas first: a comma within a value comes percent-encoded once more. */
export function splitValues(text: string): string[] {
  return text.split(',').map((item) => {
    try {
      return decodeURIComponent(item);
    } catch {
      return item;
    }
  });
}

function parseOrder(text: string | undefined): ListQuery['orderBy'] {
  if (text === undefined) return undefined;
  const descending = text.startsWith('-');
  return { field: descending || text.startsWith('+') ? text.slice(1) : text, descending };
}

function wholeNumber(text: string): number | undefined {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  return number;
}

/** A repeated parameter counts once, as its last. */
function last(value: string | readonly string[]): string {
  return typeof value === 'string' ? value : (value.at(-1) ?? '');
}
