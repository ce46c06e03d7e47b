import { randomUUID } from 'node:crypto';
import type { RefreshTokenStore, Session } from '../adapters/sql/refresh-token-store.ts';
import type { UserStore } from '../adapters/sql/user-store.ts';
import { clientClaims, type TokenFrame, userClaims } from '../domain/claims.ts';
import type { OauthClient } from '../domain/oauth-client.ts';
import { renewsRefreshToken } from '../domain/refresh-policy.ts';
import { grantScopes, userGroups } from '../domain/scopes.ts';
import type { TokenRequest } from '../domain/token-request.ts';
import type { User } from '../domain/user.ts';
import { UaaError } from '../errors.ts';
import type { AccessTokens } from './access-tokens.ts';
import type { AuthorizationCodes } from './authorization-codes.ts';
import type { UserLogin } from './user-login.ts';

export interface TokenGrantsDependencies {
  readonly users: UserStore;
  readonly refreshTokens: RefreshTokenStore;
  readonly codes: AuthorizationCodes;
  readonly login: UserLogin;
  readonly accessTokens: AccessTokens;
  readonly accessTokenSeconds: number;
  readonly refreshTokenSeconds: number;
  readonly now: () => number;
}

/** The body of a successful `POST /oauth/token`. */
export interface TokenResponse {
  readonly access_token: string;
  /** In lower case: cf strips exactly this. */
  readonly token_type: 'bearer';
  readonly refresh_token?: string;
  readonly expires_in: number;
  readonly scope: string;
  readonly jti: string;
}

/** Gives tokens to a client that has authenticated. */
export class TokenGrants {
  readonly #deps: TokenGrantsDependencies;

  constructor(dependencies: TokenGrantsDependencies) {
    this.#deps = dependencies;
  }

  /** Throws UaaError CLIENT_REFUSED, SCOPE_INVALID, TOKEN_INVALID, CODE_INVALID, and what UserLogin throws. */
  async grant(client: OauthClient, request: TokenRequest): Promise<TokenResponse> {
    if (!client.grantTypes.includes(request.grantType)) {
      throw new UaaError('CLIENT_REFUSED', `Unauthorized grant type: ${request.grantType}`);
    }
    switch (request.grantType) {
      case 'client_credentials':
        return this.#forClient(client, request.scopes);
      case 'password':
        return this.#forPassword(client, request);
      case 'refresh_token':
        return this.#forRefreshToken(client, request);
      case 'authorization_code':
        return this.#forCode(client, request);
    }
  }

  async #forClient(client: OauthClient, requested: readonly string[] | undefined): Promise<TokenResponse> {
    const authorities = scopesOf(client.authorities, client.authorities, requested);
    const frame = this.#frame();
    const token = await this.#deps.accessTokens.sign(clientClaims(frame, client.clientId, authorities));
    return this.#response(token, frame, authorities, undefined);
  }

  async #forPassword(client: OauthClient, request: TokenRequest & { grantType: 'password' }): Promise<TokenResponse> {
    const { login, refreshTokens, refreshTokenSeconds } = this.#deps;
    const user = await login.logIn(request.userName, request.password, request.origin);
    const scopes = scopesOf([...userGroups, ...user.groups], client.scopes, request.scopes);
    const now = this.#deps.now();
    const session: Session = {
      sessionId: randomUUID(),
      userGuid: user.guid,
      clientId: client.clientId,
      scopes,
      authenticatedAt: now,
      createdAt: now,
      expiresAt: now + refreshTokenSeconds * 1_000,
    };
    // A client that cannot use one gets none.
    const refreshToken = client.grantTypes.includes('refresh_token') ? await refreshTokens.create(session) : undefined;
    return this.#forUser(user, session, 'password', scopes, refreshToken);
  }

  async #forRefreshToken(
    client: OauthClient,
    request: TokenRequest & { grantType: 'refresh_token' },
  ): Promise<TokenResponse> {
    const { refreshTokens, users, refreshTokenSeconds } = this.#deps;
    const now = this.#deps.now();
    const session = await refreshTokens.find(request.refreshToken, now);
    const user = session === undefined ? undefined : await users.get(session.userGuid);
    if (session === undefined || user === undefined || !user.active || session.clientId !== client.clientId) {
      throw new UaaError('TOKEN_INVALID', 'The token expired, was revoked, or the token ID is incorrect.');
    }
    // What was taken from the user or the client since is not in the new token.
    const owned = new Set([...userGroups, ...user.groups]);
    const scopes = scopesOf(
      session.scopes.filter((scope) => owned.has(scope)),
      client.scopes,
      request.scopes,
    );
    const refreshToken = renewsRefreshToken(session.createdAt, session.expiresAt, now)
      ? await refreshTokens.create({ ...session, createdAt: now, expiresAt: now + refreshTokenSeconds * 1_000 })
      : request.refreshToken;
    return this.#forUser(user, session, 'refresh_token', scopes, refreshToken);
  }

  async #forCode(
    client: OauthClient,
    request: TokenRequest & { grantType: 'authorization_code' },
  ): Promise<TokenResponse> {
    const { codes, users, refreshTokens, refreshTokenSeconds, now } = this.#deps;
    const code = await codes.take(request.code, client.clientId);
    const user = await users.get(code.userGuid);
    if (user === undefined || !user.active) throw new UaaError('CODE_INVALID', 'Invalid authorization code');
    const owned = new Set([...userGroups, ...user.groups]);
    const scopes = scopesOf(
      code.scopes.filter((scope) => owned.has(scope)),
      client.scopes,
      request.scopes,
    );
    const session: Session = {
      sessionId: randomUUID(),
      userGuid: user.guid,
      clientId: client.clientId,
      scopes,
      authenticatedAt: code.authenticatedAt,
      createdAt: now(),
      expiresAt: now() + refreshTokenSeconds * 1_000,
    };
    const refreshToken = client.grantTypes.includes('refresh_token') ? await refreshTokens.create(session) : undefined;
    return this.#forUser(user, session, 'authorization_code', scopes, refreshToken);
  }

  async #forUser(
    user: User,
    session: Session,
    grantType: string,
    scopes: readonly string[],
    refreshToken: string | undefined,
  ): Promise<TokenResponse> {
    const frame = this.#frame();
    const claims = userClaims(frame, user, {
      clientId: session.clientId,
      grantType,
      scopes,
      sessionId: session.sessionId,
      authenticatedAt: Math.floor(session.authenticatedAt / 1_000),
    });
    return this.#response(await this.#deps.accessTokens.sign(claims), frame, scopes, refreshToken);
  }

  #frame(): TokenFrame {
    const issuedAt = Math.floor(this.#deps.now() / 1_000);
    return {
      issuer: this.#deps.accessTokens.issuer,
      tokenId: randomUUID().replaceAll('-', ''),
      issuedAt,
      expiresAt: issuedAt + this.#deps.accessTokenSeconds,
    };
  }

  #response(
    accessToken: string,
    frame: TokenFrame,
    scopes: readonly string[],
    refreshToken: string | undefined,
  ): TokenResponse {
    return {
      access_token: accessToken,
      token_type: 'bearer',
      ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
      expires_in: this.#deps.accessTokenSeconds,
      scope: scopes.join(' '),
      jti: frame.tokenId,
    };
  }
}

function scopesOf(
  owned: readonly string[],
  usable: readonly string[],
  requested: readonly string[] | undefined,
): readonly string[] {
  const result = grantScopes(owned, usable, requested);
  if (result.outcome === 'refused') throw new UaaError('SCOPE_INVALID', result.description);
  return result.scopes;
}
