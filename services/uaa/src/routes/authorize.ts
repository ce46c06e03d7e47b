import type { FastifyInstance } from 'fastify';
import { parseScopes } from '../domain/scopes.ts';
import { UaaError } from '../errors.ts';
import type { AccessTokens } from '../handlers/access-tokens.ts';
import type { AuthorizationCodes } from '../handlers/authorization-codes.ts';
import { requireScope } from './authorization.ts';
import { queryField } from './scim-query.ts';

export interface AuthorizeRoutesDependencies {
  readonly externalUrl: string;
  readonly accessTokens: AccessTokens;
  readonly codes: AuthorizationCodes;
}

/**
 * OAuth 2's authorization endpoint, for those who have a token already: cf asks it for the one-time code that
 * `cf ssh` and `cf ssh-code` use. It never sends anyone anywhere but to uaa itself: there are no other redirect URIs.
 */
export function authorizeRoutes(api: FastifyInstance, dependencies: AuthorizeRoutesDependencies): void {
  const { externalUrl, accessTokens, codes } = dependencies;
  const redirectUri = `${externalUrl}/uaa/login`;

  api.get<{ Querystring: Record<string, unknown> }>('/oauth/authorize', async (request, reply) => {
    const caller = await accessTokens.verify(request.headers.authorization);
    requireScope(caller, 'uaa.user');
    const query = (name: string): string | undefined => queryField(request.query, name);
    if (query('response_type') !== 'code') {
      throw new UaaError('REQUEST_INVALID', 'the only response_type is code');
    }
    const clientId = query('client_id');
    if (clientId === undefined) throw new UaaError('REQUEST_INVALID', 'client_id is needed');
    if ((query('redirect_uri') ?? redirectUri) !== redirectUri) {
      throw new UaaError('REQUEST_INVALID', `the only redirect_uri is ${redirectUri}`);
    }
    const scope = query('scope');
    const code = await codes.issue(caller, clientId, scope === undefined ? undefined : parseScopes(scope));
    const target = new URL(redirectUri);
    target.searchParams.set('code', code);
    const state = query('state');
    if (state !== undefined) target.searchParams.set('state', state);
    return reply.header('cache-control', 'no-store').redirect(target.href, 302);
  });
}
