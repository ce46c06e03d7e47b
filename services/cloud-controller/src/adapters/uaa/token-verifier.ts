import { createRemoteJWKSet, errors, jwtVerify } from 'jose';
import { z } from 'zod';
import { ApiError } from '../../errors.ts';

/** uaa names this service so in the audience of tokens for it. */
const AUDIENCE = 'cloud_controller';
/** Clocks of the machines may differ by so much. */
const CLOCK_TOLERANCE_S = 60;
const KEYS_MAX_AGE_MS = 10 * 60_000;
const KEYS_TIMEOUT_MS = 5_000;
/** An unknown key id has the keys fetched anew, but not more often than this. */
const KEYS_COOLDOWN_MS = 1_000;

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
export function createTokenVerifier(options: { readonly uaaUrl: string; readonly issuer: string }): TokenVerifier {
  const keys = createRemoteJWKSet(new URL(`${options.uaaUrl}/token_keys`), {
    cacheMaxAge: KEYS_MAX_AGE_MS,
    cooldownDuration: KEYS_COOLDOWN_MS,
    timeoutDuration: KEYS_TIMEOUT_MS,
  });
  return {
    verify: async (authorization) => {
      if (authorization === undefined || authorization === '') throw new ApiError('NotAuthenticated');
      const token = /^bearer +(\S+)$/i.exec(authorization)?.[1];
      if (token === undefined) throw new ApiError('InvalidAuthToken');
      try {
        const { payload } = await jwtVerify(token, keys, {
          algorithms: ['RS256'],
          issuer: options.issuer,
          audience: AUDIENCE,
          clockTolerance: CLOCK_TOLERANCE_S,
          requiredClaims: ['exp'],
        });
        return callerOf(payload);
      } catch (cause) {
        throw describesToken(cause)
          ? new ApiError('InvalidAuthToken', '', { cause })
          : new ApiError('UaaUnavailable', '', { cause });
      }
    },
  };
}

function callerOf(payload: unknown): Caller {
  const claims = claimsSchema.parse(payload);
  const userGuid = claims.user_id ?? claims.client_id;
  if (userGuid === undefined) throw new errors.JWTInvalid('neither user_id nor client_id');
  return {
    userGuid,
    userName: claims.user_name ?? null,
    email: claims.email ?? null,
    scopes: new Set(claims.scope),
  };
}

/** Is the token at fault, or did fetching the keys fail? */
function describesToken(error: unknown): boolean {
  if (error instanceof z.ZodError) return true;
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) return false;
  // The plain JOSEError is what jose throws for an answer of the keys' endpoint other than 200.
  return error instanceof errors.JOSEError && error.constructor !== errors.JOSEError;
}
