import type { FastifyRequest } from 'fastify';
import { type ListQuery, type ListSpec, parseInclude, parseListQuery } from '../domain/lists/list-query.ts';
import { type Pagination, pagination } from '../domain/lists/pagination.ts';
import { ApiError } from '../errors.ts';
import type { Links } from '../resources/shapes.ts';

/** Throws 400 BadQueryParameter. */
export function listQuery(request: FastifyRequest, spec: ListSpec): ListQuery {
  const result = parseListQuery(spec, request.query as Record<string, string | string[]>);
  if (result.outcome === 'rejected') throw new ApiError('BadQueryParameter', result.problems.join(', '));
  return result.query;
}

/** What `include` asks for where one resource is asked for. Throws 400 BadQueryParameter. */
export function includeOf(request: FastifyRequest, allowed: readonly string[]): ReadonlySet<string> {
  const { include } = request.query as Record<string, string | undefined>;
  const { names, problems } = parseInclude(include, allowed);
  if (problems.length > 0) throw new ApiError('BadQueryParameter', problems.join(', '));
  return names;
}

/** The body of a list endpoint. */
export function listBody<T>(
  request: FastifyRequest,
  link: Links,
  query: ListQuery,
  totalResults: number,
  resources: T[],
): { pagination: Pagination; resources: T[] } {
  const path = request.url.split('?')[0] ?? '';
  return { pagination: pagination(link(path).href, query, totalResults), resources };
}
