import type { FastifyInstance } from 'fastify';
import type { RefreshTokenStore } from '../adapters/sql/refresh-token-store.ts';
import { readClientAuthentication } from '../domain/client-authentication.ts';
import type { FormFields } from '../domain/form.ts';
import { parseTokenRequest } from '../domain/token-request.ts';
import { UaaError } from '../errors.ts';
import type { AccessTokens } from '../handlers/access-tokens.ts';
import type { ClientLogin } from '../handlers/client-login.ts';
import type { TokenGrants } from '../handlers/token-grants.ts';
import { requireScope } from './authorization.ts';

export interface TokenRoutesDependencies {
  readonly clientLogin: ClientLogin;
  readonly grants: TokenGrants;
  readonly accessTokens: AccessTokens;
  readonly refreshTokens: RefreshTokenStore;
  readonly onIssued: (grantType: string) => void;
}

const FORM = 'application/x-www-form-urlencoded';

/** OAuth 2's token endpoint, and the end of a login. */
export function tokenRoutes(api: FastifyInstance, dependencies: TokenRoutesDependencies): void {
  const { clientLogin, grants, accessTokens, refreshTokens, onIssued } = dependencies;

  api.post<{ Querystring: FormFields }>('/oauth/token', async (request, reply) => {
    // RFC 6749 5.1: no cache may keep a token.
    reply.header('cache-control', 'no-store').header('pragma', 'no-cache');
    if (request.headers['content-type']?.split(';')[0]?.trim().toLowerCase() !== FORM) {
      throw new UaaError('MEDIA_TYPE_UNSUPPORTED', `expected a body of type ${FORM}`);
    }
    const form = (request.body ?? {}) as FormFields;
    const credentials = readClientAuthentication(request.headers.authorization, form);
    if (credentials.outcome === 'invalid') throw new UaaError('REQUEST_INVALID', credentials.description);
    if (credentials.outcome === 'missing') throw new UaaError('CLIENT_REFUSED', 'no client authentication');
    const parsed = parseTokenRequest(form, request.query);
    if (parsed.outcome === 'invalid') throw new UaaError(parsed.code, parsed.description);
    const client = await clientLogin.logIn(credentials.clientId, credentials.secret);
    const response = await grants.grant(client, parsed.request);
    onIssued(parsed.request.grantType);
    return response;
  });

  /** With the `jti` of one's own access token, or the `sid` of a login. Access tokens that are out live on (`revocable`). */
  api.delete<{ Params: { tokenId: string } }>('/oauth/token/revoke/:tokenId', async (request, reply) => {
    const caller = await accessTokens.verify(request.headers.authorization);
    const { tokenId } = request.params;
    const sessionId = tokenId === caller.tokenId ? caller.sessionId : tokenId;
    const session = sessionId === undefined ? undefined : await refreshTokens.findSession(sessionId);
    if (session === undefined) throw new UaaError('TOKEN_NOT_FOUND', 'Resource not found');
    if (session.userGuid !== caller.userGuid) requireScope(caller, 'tokens.revoke');
    await refreshTokens.endSession(session.sessionId);
    return reply.send();
  });
}
