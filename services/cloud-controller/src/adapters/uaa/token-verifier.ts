import { AccessTokens, type Logger } from '@slipway/service-kit';
import { z } from 'zod';
import { ApiError } from '../../errors.ts';

/** uaa names this service so in the audience of tokens for it. */
const AUDIENCE = 'cloud_controller';

const claimsSchema = z.object({
  scope: z.array(z.string()),
  user_id: z.string().optional(),
  user_name: z.string().optional(),
  email: z.string().optional(),
  client_id: z.string().optional(),
});

/** Who calls, as a verified token says. */
export interface Caller {
  /** The user's guid; a client's id when it calls for itself. */
  readonly userGuid: string;
  readonly userName: string | null;
  readonly email: string | null;
  readonly scopes: ReadonlySet<string>;
}

export interface TokenVerifier {
  /** Takes the value of the Authorization header. Throws ApiError NotAuthenticated, InvalidAuthToken, UaaUnavailable. */
  verify(authorization: string | undefined): Promise<Caller>;
}

/** Checks tokens with uaa's published keys: RS256, issued by this platform's uaa for this service, not expired. */
export function createTokenVerifier(options: {
  readonly uaaUrl: string;
  readonly issuer: string;
  readonly logger: Logger;
}): TokenVerifier {
  const tokens = new AccessTokens({ ...options, audience: AUDIENCE });
  return {
    verify: async (authorization) => {
      const checked = await tokens.check(authorization);
      switch (checked.outcome) {
        case 'missing':
          throw new ApiError('NotAuthenticated');
        case 'invalid':
          throw new ApiError('InvalidAuthToken', '', { cause: checked.cause });
        case 'unavailable':
          throw new ApiError('UaaUnavailable', '', { cause: checked.cause });
        case 'valid':
          return callerOf(checked.claims);
      }
    },
  };
}

function callerOf(payload: unknown): Caller {
  const claims = claimsSchema.safeParse(payload);
  const userGuid = claims.data?.user_id ?? claims.data?.client_id;
  if (!claims.success || userGuid === undefined) throw new ApiError('InvalidAuthToken', '', { cause: claims.error });
  return {
    userGuid,
    userName: claims.data.user_name ?? null,
    email: claims.data.email ?? null,
    scopes: new Set(claims.data.scope),
  };
}
