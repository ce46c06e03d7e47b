/** A condition on when resources were made or changed (API v3, "Timestamps" filters). */
export interface TimeFilter {
  readonly column: 'created_at' | 'updated_at';
  readonly operator: '=' | '<' | '>' | '<=' | '>=';
  /** `YYYY-MM-DDThh:mm:ss` in UTC; several only with `=`, of which one has to hold. */
  readonly values: readonly string[];
}

export type TimeFilterResult =
  | { readonly outcome: 'parsed'; readonly filter: TimeFilter }
  | { readonly outcome: 'rejected'; readonly problem: string };

const operators = { lt: '<', lte: '<=', gt: '>', gte: '>=' } as const;
export const TIME_OPERATORS = Object.keys(operators);
const NAME = /^(created|updated)_ats(?:\[(lte?|gte?)\])?$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** Is it the name of such a parameter, e.g. `created_ats[gt]`? */
export function isTimeParameter(name: string): boolean {
  return NAME.test(name);
}

/** `name` is one for which `isTimeParameter` holds. */
export function parseTimeFilter(name: string, values: readonly string[]): TimeFilterResult {
  const [, which, relation] = NAME.exec(name) ?? [];
  const label = which === 'updated' ? 'Updated ats' : 'Created ats';
  const operator = relation === undefined ? '=' : operators[relation as keyof typeof operators];
  if (operator !== '=' && values.length !== 1) {
    return { outcome: 'rejected', problem: `${label} only accepts one value when using an inequality filter` };
  }
  if (!values.every((value) => TIME.test(value) && !Number.isNaN(Date.parse(value)))) {
    const format = "Timestamps should be formatted as 'YYYY-MM-DDThh:mm:ssZ'";
    return { outcome: 'rejected', problem: `${label} has an invalid timestamp format. ${format}` };
  }
  const column = which === 'updated' ? 'updated_at' : 'created_at';
  return { outcome: 'parsed', filter: { column, operator, values: values.map((value) => value.slice(0, 19)) } };
}
