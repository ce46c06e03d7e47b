import type { ListQuery } from './list-query.ts';

interface Link {
  readonly href: string;
}

/** The `pagination` of a list (API v3, "Pagination"). */
export interface Pagination {
  readonly total_results: number;
  readonly total_pages: number;
  readonly first: Link;
  readonly last: Link;
  readonly next: Link | null;
  readonly previous: Link | null;
}

/** `url` is the absolute URL of the list without its query. */
export function pagination(url: string, query: ListQuery, totalResults: number): Pagination {
  // There is a first page even of nothing.
  const totalPages = Math.max(1, Math.ceil(totalResults / query.perPage));
  const link = (page: number): Link => {
    const parameters = new URLSearchParams(query.repeated.map(([name, value]) => [name, value]));
    parameters.set('page', String(page));
    parameters.set('per_page', String(query.perPage));
    return { href: `${url}?${parameters.toString()}` };
  };
  return {
    total_results: totalResults,
    total_pages: totalPages,
    first: link(1),
    last: link(totalPages),
    next: query.page < totalPages ? link(query.page + 1) : null,
    previous: query.page > 1 ? link(Math.min(query.page - 1, totalPages)) : null,
  };
}
