import { audience } from './scopes.ts';

/** The claims that make a token: when, by whom, how long. Seconds since the epoch. */
export interface TokenFrame {
  readonly issuer: string;
  readonly tokenId: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
}

export interface TokenUser {
  readonly guid: string;
  readonly userName: string;
  readonly email: string;
  readonly origin: string;
}

export type Claims = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** UAA's only identity zone here. */
const ZONE = 'uaa';

/**
 * A user's access token as UAA makes it. cf reads `exp`, `user_name`, `user_id`, `origin`, `jti` and `revocable`; a
 * missing one of the texts makes it panic. `sid` names the refresh token that this token came with.
 */
export function userClaims(
  frame: TokenFrame,
  user: TokenUser,
  grant: {
    readonly clientId: string;
    readonly grantType: string;
    readonly scopes: readonly string[];
    readonly sessionId: string;
    readonly authenticatedAt: number;
  },
): Claims {
  return {
    ...common(frame, grant.clientId, grant.grantType, grant.scopes),
    sub: user.guid,
    user_id: user.guid,
    user_name: user.userName,
    origin: user.origin,
    email: user.email,
    auth_time: grant.authenticatedAt,
    sid: grant.sessionId,
  };
}

/** A client's own access token: it has no user, its authorities are its scopes. */
export function clientClaims(frame: TokenFrame, clientId: string, authorities: readonly string[]): Claims {
  return {
    ...common(frame, clientId, 'client_credentials', authorities),
    sub: clientId,
    authorities: [...authorities],
  };
}

function common(frame: TokenFrame, clientId: string, grantType: string, scopes: readonly string[]): Claims {
  return {
    jti: frame.tokenId,
    client_id: clientId,
    cid: clientId,
    azp: clientId,
    grant_type: grantType,
    scope: [...scopes],
    iat: frame.issuedAt,
    exp: frame.expiresAt,
    iss: frame.issuer,
    zid: ZONE,
    aud: audience(scopes, clientId),
    // Whoever verifies it asks nobody: it holds until it expires.
    revocable: false,
  };
}
