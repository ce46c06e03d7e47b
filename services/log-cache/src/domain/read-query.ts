import { type EnvelopeType, envelopeTypes } from './envelope.ts';
import { gaugeNames } from './gauge.ts';
import { parseInt64 } from './int64.ts';
import type { ReadRange } from './source-log.ts';

const MAX_EXPRESSION = 200;
const MAX_QUANTIFIERS = 4;
const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;
/** What Go's strconv.ParseBool reads, as the gateway does. */
const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False', '']);

/** As a query string parser gives it: several values of one name as an array. */
export type QueryParameters = Readonly<Record<string, string | readonly string[] | undefined>>;

export type ReadQueryResult =
  | { readonly outcome: 'valid'; readonly range: ReadRange }
  | { readonly outcome: 'invalid'; readonly message: string };

/**
 * The parameters of log-cache's `/api/v1/read` (log-cache `local_store_reader.go` and grpc-gateway's query rules):
 * 0 stands for not given, unknown names are ignored. Unlike there, without `end_time` nothing is too new: a line
 * stamped by a clock that is ahead is shown at once instead of late.
 */
export function parseReadQuery(parameters: QueryParameters): ReadQueryResult {
  const problems: string[] = [];
  const scalar = <T>(name: string, fallback: T, parse: (text: string) => T | undefined): T => {
    const value = parameters[name];
    if (value === undefined) return fallback;
    const parsed = typeof value === 'string' ? parse(value) : undefined;
    if (parsed === undefined) problems.push(`invalid value of ${name}`);
    return parsed ?? fallback;
  };
  const startTime = scalar('start_time', 0n, parseInt64);
  const endTime = scalar('end_time', 0n, parseInt64);
  const limit = scalar('limit', 0n, parseInt64);
  const descending = scalar('descending', false, parseBoolean);
  const nameFilter = scalar('name_filter', '', (text) => text);
  const named = nameFilter === '' ? undefined : gaugesMatch(nameFilter);
  if (named === 'invalid') problems.push('invalid value of name_filter');
  const types = parseTypes(parameters.envelope_types);
  if (types === undefined) problems.push('invalid value of envelope_types');
  if (endTime !== 0n && startTime > endTime) {
    problems.push(`start_time (${startTime}) must be before end_time (${endTime})`);
  }
  if (limit < 0n) problems.push(`limit (${limit}) must be greater than zero`);
  if (limit > MAX_LIMIT) problems.push(`limit (${limit}) must be ${MAX_LIMIT} or less`);
  if (problems.length > 0 || types === undefined || named === 'invalid')
    return { outcome: 'invalid', message: problems.join('; ') };
  return {
    outcome: 'valid',
    range: {
      startTime,
      endTime: endTime === 0n ? undefined : endTime,
      limit: limit === 0n ? DEFAULT_LIMIT : Number(limit),
      descending,
      types: named === undefined ? types.only : typesNamed(named, types.only),
    },
  };
}

/**
 * Whether a gauge has a name that the expression matches; all of them have the same names, and nothing else has any.
 * JavaScript's engine goes back, unlike Go's: expressions on which that could take long are refused.
 */
function gaugesMatch(expression: string): boolean | 'invalid' {
  const quantifiers = expression.match(/[*+?{]/g)?.length ?? 0;
  if (expression.length > MAX_EXPRESSION || quantifiers > MAX_QUANTIFIERS || /\)[*+?{]/.test(expression))
    return 'invalid';
  try {
    const parsed = new RegExp(expression, 'u');
    return gaugeNames.some((name) => parsed.test(name));
  } catch {
    return 'invalid';
  }
}

function typesNamed(match: boolean, only: ReadonlySet<EnvelopeType> | undefined): ReadonlySet<EnvelopeType> {
  return new Set(match && only?.has('GAUGE') !== false ? ['GAUGE'] : []);
}

function parseBoolean(text: string): boolean | undefined {
  if (TRUE.has(text)) return true;
  return FALSE.has(text) ? false : undefined;
}

/** Undefined when one is no envelope type; `only` is undefined when all are wanted. */
function parseTypes(
  value: string | readonly string[] | undefined,
): { readonly only: ReadonlySet<EnvelopeType> | undefined } | undefined {
  const only = new Set<EnvelopeType>();
  for (const name of typeof value === 'string' ? [value] : (value ?? [])) {
    // The gateway takes an enum's number too; 0 is ANY, which log-cache leaves out of the filter.
    if (name === 'ANY' || name === '0') continue;
    const type = envelopeTypes.find((known, index) => known === name || String(index + 1) === name);
    if (type === undefined) return undefined;
    only.add(type);
  }
  return { only: only.size === 0 ? undefined : only };
}
