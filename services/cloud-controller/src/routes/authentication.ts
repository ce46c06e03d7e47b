import type { FastifyRequest } from 'fastify';
import { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';

const accesses = new WeakMap<FastifyRequest, CallerAccess>();

/** Checks the token of every request to the endpoints that are registered on this instance. */
export function authenticate(api: Api, context: Pick<ApiContext, 'db' | 'tokens'>): void {
  api.addHook('onRequest', async (request) => {
    const caller = await context.tokens.verify(request.headers.authorization);
    const access = new CallerAccess(context.db, caller);
    access.requireScope(request.method === 'GET' || request.method === 'HEAD' ? 'read' : 'write');
    accesses.set(request, access);
  });
}

/** What the caller may do. Only in endpoints behind `authenticate`. */
export function accessOf(request: FastifyRequest): CallerAccess {
  const access = accesses.get(request);
  if (access === undefined) throw new Error(`${request.method} ${request.url} is not behind authentication`);
  return access;
}
