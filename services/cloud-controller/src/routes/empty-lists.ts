import { z } from 'zod';
import { listSchema } from '../resources/shapes.ts';
import type { Api, ApiContext } from './api-context.ts';
import { listBody, listParameters } from './lists.ts';

const nothing = z.never();
const listed = (kinds: readonly string[]) =>
  listSchema(nothing).extend({
    included: z.object(Object.fromEntries(kinds.map((kind) => [kind, z.array(nothing).optional()]))).optional(),
  });

export interface EmptyList {
  readonly path: string;
  readonly filters: readonly string[];
  readonly orderBy: readonly string[];
  /** What `include` may name, and what `included` calls it. */
  readonly included: Readonly<Record<string, string>>;
  /** Resources that `fields[…]` may name. */
  readonly fields: readonly string[];
}

/** Lists of what cannot be made yet. The cf CLI reads them for summaries of apps, routes and spaces. */
const lists: readonly EmptyList[] = [
  {
    path: '/v3/service_route_bindings',
    filters: ['guids', 'route_guids', 'service_instance_guids', 'service_instance_names'],
    orderBy: ['created_at', 'updated_at'],
    included: { route: 'routes', service_instance: 'service_instances' },
    fields: [],
  },
];

/** Empty, whoever asks. */
export function emptyListRoutes(api: Api, context: ApiContext): void {
  for (const list of lists) emptyList(api, context, list);
}

/** An endpoint that lists nothing, and understands what may be asked of it. */
export function emptyList(api: Api, { link }: ApiContext, list: EmptyList): void {
  const { path, filters, orderBy, included, fields } = list;
  const others = fields.map((resource) => `fields[${resource}]`);
  const include = Object.keys(included);
  const spec = { filters, orderBy, others, ...(include.length === 0 ? {} : { include }) };
  const schema = { querystring: listParameters(spec), response: { 200: listed(Object.values(included)) } };
  api.get(path, { schema }, async (request) => {
    const { query } = request;
    const body = listBody(request, link, query, 0, [] as never[]);
    if (query.include.size === 0) return body;
    return { ...body, included: Object.fromEntries([...query.include].map((name) => [included[name] ?? name, []])) };
  });
}
