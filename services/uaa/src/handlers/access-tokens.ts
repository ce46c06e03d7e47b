import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import type { Claims } from '../domain/claims.ts';
import { UaaError } from '../errors.ts';
import type { KeyRing } from './key-ring.ts';

const ALGORITHM = 'RS256';

const callerSchema = z.looseObject({
  jti: z.string(),
  client_id: z.string(),
  user_id: z.string().optional(),
  sid: z.string().optional(),
  scope: z.array(z.string()),
});

/** Who calls uaa's own API. */
export interface Caller {
  readonly tokenId: string;
  readonly clientId: string;
  /** Undefined: the client acts for itself. */
  readonly userGuid: string | undefined;
  readonly sessionId: string | undefined;
  readonly scopes: ReadonlySet<string>;
}

/** Signs access tokens, and reads those that come back. */
export class AccessTokens {
  readonly #keys: KeyRing;
  readonly #issuer: string;
  readonly #now: () => number;

  constructor(keys: KeyRing, issuer: string, now: () => number) {
    this.#keys = keys;
    this.#issuer = issuer;
    this.#now = now;
  }

  get issuer(): string {
    return this.#issuer;
  }

  sign(claims: Claims): Promise<string> {
    const { kid, privateKey } = this.#keys.signer();
    return new SignJWT({ ...claims }).setProtectedHeader({ alg: ALGORITHM, kid, typ: 'JWT' }).sign(privateKey);
  }

  /** Reads an Authorization header. Throws UaaError TOKEN_INVALID. */
  async verify(authorization: string | undefined): Promise<Caller> {
    const token = /^bearer +([^ ]+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) {
      throw new UaaError('TOKEN_INVALID', 'Full authentication is required to access this resource');
    }
    let payload: JWTPayload;
    try {
      const options = {
        algorithms: [ALGORITHM],
        issuer: this.#issuer,
        requiredClaims: ['exp'],
        currentDate: new Date(this.#now()),
      };
      ({ payload } = await jwtVerify(token, ({ kid = '' }) => this.#key(kid), options));
    } catch (cause) {
      if (!(cause instanceof errors.JOSEError)) throw cause;
      throw new UaaError('TOKEN_INVALID', 'The token expired, was revoked, or is not one of ours', { cause });
    }
    const claims = callerSchema.safeParse(payload);
    if (!claims.success) throw new UaaError('TOKEN_INVALID', 'The token lacks claims', { cause: claims.error });
    return {
      tokenId: claims.data.jti,
      clientId: claims.data.client_id,
      userGuid: claims.data.user_id,
      sessionId: claims.data.sid,
      scopes: new Set(claims.data.scope),
    };
  }

  #key(kid: string) {
    const key = this.#keys.verifier(kid);
    if (key === undefined) throw new errors.JWKSNoMatchingKey();
    return key;
  }
}
