import type { FastifyRequest } from 'fastify';
import { type ListQuery, type ListSpec, parseListQuery } from '../domain/lists/list-query.ts';
import { type Pagination, pagination } from '../domain/lists/pagination.ts';
import { ApiError } from '../errors.ts';
import type { Links } from '../resources/shapes.ts';

/** Throws 400 BadQueryParameter. */
export function listQuery(request: FastifyRequest, spec: ListSpec): ListQuery {
  const result = parseListQuery(spec, request.query as Record<string, string | string[]>);
  if (result.outcome === 'rejected') throw new ApiError('BadQueryParameter', result.problems.join(', '));
  return result.query;
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
