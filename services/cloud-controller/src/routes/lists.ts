import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  type ListQuery,
  type ListSpec,
  MAX_PER_PAGE,
  parseInclude,
  parseListQuery,
  unknownParameters,
} from '../domain/lists/list-query.ts';
import { type Pagination, pagination } from '../domain/lists/pagination.ts';
import { TIME_OPERATORS } from '../domain/lists/time-filter.ts';
import type { Links } from '../resources/shapes.ts';

/** A value of a query string: repeated parameters come as an array. What it may be is checked by whoever parses it. */
const given = z.union([z.string(), z.array(z.string())]).optional();

/** A parameter, and how the API's description shows it: JSON schema, which wins over what zod derives. */
function parameter(schema: Readonly<Record<string, unknown>>) {
  return given.meta({ anyOf: undefined, ...schema });
}

const commaSeparated = (description: string, values?: readonly string[]) =>
  parameter({
    type: 'array',
    items: { type: 'string', ...(values === undefined ? {} : { enum: values }) },
    description,
  });

function includeShape(allowed: readonly string[]) {
  return commaSeparated('Related resources that come along.', allowed);
}

/**
 * The query parameters of a list endpoint, for its `querystring`: `request.query` is then what is asked for. The
 * same declaration describes them in the API's description.
 */
export function listParameters(spec: ListSpec): z.ZodType<ListQuery, Record<string, unknown>> {
  const { filters, orderBy, others = [], include } = spec;
  const shape: Record<string, ReturnType<typeof parameter>> = {
    page: parameter({ type: 'integer', minimum: 1, default: 1, description: 'Which page.' }),
    per_page: parameter({ type: 'integer', minimum: 1, maximum: MAX_PER_PAGE, default: 50, description: 'Its size.' }),
  };
  if (orderBy.length > 0) {
    const values = orderBy.flatMap((field) => [field, `-${field}`]);
    shape.order_by = parameter({ type: 'string', enum: values, description: 'Field to sort by; with -, descending.' });
  }
  if (spec.rows !== false) {
    shape.label_selector = commaSeparated('Requirements on labels, as in `env in (prod,test),!retired`.');
    for (const column of ['created_ats', 'updated_ats']) {
      shape[column] = commaSeparated('Points in time (RFC 3339).');
      for (const operator of TIME_OPERATORS) {
        shape[`${column}[${operator}]`] = parameter({ type: 'string', format: 'date-time' });
      }
    }
  }
  for (const name of filters) shape[name] = commaSeparated(`Any of these ${name.replaceAll('_', ' ')}.`);
  for (const name of others) shape[name] = commaSeparated('Which fields of the related resource come along.');
  if (include !== undefined) shape.include = includeShape(include);
  return z.looseObject(shape).transform((raw, context): ListQuery => {
    const result = parseListQuery(spec, raw as Record<string, string | string[]>);
    if (result.outcome === 'parsed') return result.query;
    for (const message of result.problems) context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
}

/** What shall come along with a resource. */
interface Including {
  readonly include: ReadonlySet<string>;
}

/** `include` of an endpoint that shows one resource, for its `querystring`. */
export function includeParameter(allowed: readonly string[]): z.ZodType<Including, Record<string, unknown>> {
  return z.looseObject({ include: includeShape(allowed) }).transform((raw, context): Including => {
    const { names, problems } = parseInclude([raw.include ?? []].flat().at(-1), allowed);
    const unknown = Object.keys(raw).filter((name) => name !== 'include');
    const all = unknown.length === 0 ? problems : [unknownParameters(unknown, ['include']), ...problems];
    for (const message of all) context.addIssue({ code: 'custom', message });
    return { include: names };
  });
}

/** A request to a list endpoint whose `querystring` is `listParameters`. */
export type ListRequest = FastifyRequest & { readonly query: ListQuery };

/** The body of a list endpoint. */
export function listBody<T>(
  request: { readonly url: string },
  link: Links,
  query: ListQuery,
  totalResults: number,
  resources: T[],
): { pagination: Pagination; resources: T[] } {
  const path = request.url.split('?')[0] ?? '';
  return { pagination: pagination(link(path).href, query, totalResults), resources };
}
