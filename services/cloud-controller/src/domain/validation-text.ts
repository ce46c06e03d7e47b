import type { z } from 'zod';

/** One thing that is wrong with a body, as zod reports it. */
type Issue = z.core.$ZodIssue;

/** What is wrong with a body, one text for each fault, in the manner of cloud_controller_ng. */
export function validationTexts(issues: readonly Issue[]): string[] {
  // `z.int()` has bounds of its own, which say nothing when what is asked for is narrower.
  const bounded = new Set(issues.filter((issue) => !isSafeBound(issue)).map(({ path }) => path.join('.')));
  const telling = issues.filter((issue) => !isSafeBound(issue) || !bounded.has(issue.path.join('.')));
  const texts = telling.flatMap((issue) => describe(issue));
  return [...new Set(texts)];
}

function describe(issue: Issue): string[] {
  const field = fieldName(issue.path);
  switch (issue.code) {
    case 'unrecognized_keys': {
      const keys = issue.keys.map((key) => `'${[...issue.path, key].join('.')}'`).join(', ');
      return [`Unknown field(s): ${keys}`];
    }
    case 'invalid_type':
      return issue.input === undefined ? [`${field} can't be blank`] : [`${field} must be ${article(issue.expected)}`];
    case 'too_small':
      if (issue.origin === 'string') return [`${field} can't be blank`];
      if (issue.origin === 'array') return [`${field} must have at least ${itemCount(issue.minimum)}`];
      return [`${field} must be greater than ${issue.inclusive === false ? '' : 'or equal to '}${issue.minimum}`];
    case 'too_big':
      if (issue.origin === 'string') return [`${field} is too long (maximum is ${issue.maximum} characters)`];
      if (issue.origin === 'array') return [`${field} must have at most ${itemCount(issue.maximum)}`];
      return [`${field} must be less than ${issue.inclusive === false ? '' : 'or equal to '}${issue.maximum}`];
    case 'invalid_value':
      return [`${field} must be one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`];
    case 'invalid_union': {
      const nested = issue.errors[0];
      return nested === undefined || nested.length === 0
        ? [`${field} is invalid`]
        : [`${field} is invalid: ${describe(nested[0] as Issue).join(', ')}`];
    }
    case 'custom':
      return [issue.message];
    default:
      return [`${field} is invalid: ${issue.message}`];
  }
}

function itemCount(count: number | bigint): string {
  return `${count} ${Number(count) === 1 ? 'item' : 'items'}`;
}

function isSafeBound(issue: Issue): boolean {
  if (issue.code === 'too_big') return issue.maximum === Number.MAX_SAFE_INTEGER;
  return issue.code === 'too_small' && issue.minimum === Number.MIN_SAFE_INTEGER;
}

/** `['data', 'image']` becomes `Data image`; the body itself is `Body`. */
function fieldName(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'Body';
  const text = path.map(String).join(' ').replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function article(expected: string): string {
  const names: Readonly<Record<string, string>> = {
    string: 'a string',
    number: 'a number',
    int: 'an integer',
    boolean: 'a boolean',
    object: 'an object',
    record: 'an object',
    array: 'an array',
    null: 'null',
  };
  return names[expected] ?? expected;
}
