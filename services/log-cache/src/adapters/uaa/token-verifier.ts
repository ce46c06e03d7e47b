import { errors, type JWTPayload, jwtVerify } from 'jose';
import { z } from 'zod';
import type { Caller, TokenCheck } from '../../domain/access.ts';
import type { TokenKeys } from './token-keys.ts';

/** Clients and uaa need not agree on the second. */
const CLOCK_TOLERANCE_S = 5;

const claimsSchema = z.looseObject({
  jti: z.string().min(1),
  exp: z.number(),
  scope: z.array(z.string()).default([]),
});

/** Reads the Authorization header: whose token it is, if it is one of uaa's that holds now. */
export class TokenVerifier {
  readonly #keys: TokenKeys;

  constructor(keys: TokenKeys) {
    this.#keys = keys;
  }

  async check(authorization: string | undefined): Promise<TokenCheck> {
    const token = /^bearer +([^ ]+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) return { outcome: 'invalid', reason: 'no bearer token' };
    let payload: JWTPayload;
    try {
      // UAA signs with RS256 alone: no other algorithm may be talked into using its public key.
      ({ payload } = await jwtVerify(token, this.#keys.get, {
        algorithms: ['RS256'],
        requiredClaims: ['exp'],
        clockTolerance: CLOCK_TOLERANCE_S,
      }));
    } catch (error) {
      if (error instanceof errors.JOSEError) return { outcome: 'invalid', reason: error.code };
      return { outcome: 'unavailable', cause: error };
    }
    const claims = claimsSchema.safeParse(payload);
    if (!claims.success) return { outcome: 'invalid', reason: 'claims' };
    const caller: Caller = { token, tokenId: claims.data.jti, scopes: claims.data.scope };
    return { outcome: 'valid', caller };
  }
}
