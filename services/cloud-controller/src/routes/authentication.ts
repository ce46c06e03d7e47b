import type { FastifyRequest } from 'fastify';
import { runAs } from '../adapters/sql/actor.ts';
import { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';

const accesses = new WeakMap<FastifyRequest, CallerAccess>();

/** Checks the token of every request to the endpoints that are registered on this instance. */
export function authenticate(api: Api, context: Pick<ApiContext, 'db' | 'tokens'>): void {
  api.addHook('onRoute', (route) => {
    route.config = { ...route.config, authenticated: true };
  });
  api.addHook('onRequest', async (request) => {
    const caller = await context.tokens.verify(request.headers.authorization);
    const access = new CallerAccess(context.db, caller);
    access.requireScope(request.method === 'GET' || request.method === 'HEAD' ? 'read' : 'write');
    accesses.set(request, access);
  });
  // Not earlier: while the body is read, the context of the request is not kept.
  api.addHook('preHandler', (request, _, done) => {
    const { userGuid, userName } = accessOf(request).caller;
    runAs({ guid: userGuid, type: 'user', name: userName ?? userGuid }, done);
  });
}

/** What the caller may do. Only in endpoints behind `authenticate`. */
export function accessOf(request: FastifyRequest): CallerAccess {
  const access = accesses.get(request);
  if (access === undefined) throw new Error(`${request.method} ${request.url} is not behind authentication`);
  return access;
}
