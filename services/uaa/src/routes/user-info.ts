import type { FastifyInstance } from 'fastify';
import type { UserStore } from '../adapters/sql/user-store.ts';
import { UaaError } from '../errors.ts';
import type { AccessTokens } from '../handlers/access-tokens.ts';
import { requireScope } from './authorization.ts';

export interface UserInfoDependencies {
  readonly users: UserStore;
  readonly accessTokens: AccessTokens;
}

/** OpenID Connect's `/userinfo`: who has this token. */
export function userInfoRoutes(api: FastifyInstance, { users, accessTokens }: UserInfoDependencies): void {
  api.get('/userinfo', async (request) => {
    const caller = await accessTokens.verify(request.headers.authorization);
    requireScope(caller, 'openid');
    const user = caller.userGuid === undefined ? undefined : await users.get(caller.userGuid);
    if (user === undefined) throw new UaaError('USER_NOT_FOUND', 'the token is no user’s');
    return {
      sub: user.guid,
      user_id: user.guid,
      user_name: user.userName,
      origin: user.origin,
      email: user.email,
      email_verified: user.verified,
      ...(user.givenName === null ? {} : { given_name: user.givenName }),
      ...(user.familyName === null ? {} : { family_name: user.familyName }),
    };
  });
}
