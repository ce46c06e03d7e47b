import { errors, type JWTPayload, jwtVerify } from 'jose';
import type { Logger } from './logger.ts';
import { TokenKeys } from './token-keys.ts';

/** Clocks of the machines may differ by so much. */
const CLOCK_TOLERANCE_S = 60;

export interface AccessTokenOptions {
  /** Internal, e.g. `http://127.0.0.1:8081/uaa`. */
  readonly uaaUrl: string;
  /** What tokens must say of who made them, and for whom; not looked at when absent. */
  readonly issuer?: string;
  readonly audience?: string;
  readonly logger: Logger;
  /** In milliseconds; when to ask for keys. */
  readonly now?: () => number;
}

export type AccessToken =
  /** Its claims beyond `exp` are whatever uaa wrote. */
  | { readonly outcome: 'valid'; readonly token: string; readonly claims: JWTPayload }
  /** There is no Authorization header. */
  | { readonly outcome: 'missing' }
  /** No bearer token, or one that does not hold now: `reason` is jose's code. */
  | { readonly outcome: 'invalid'; readonly reason: string; readonly cause?: unknown }
  /** uaa gave no keys: nobody knows. */
  | { readonly outcome: 'unavailable'; readonly cause: unknown };

/** Checks access tokens with uaa's published keys. */
export class AccessTokens {
  readonly #options: AccessTokenOptions;
  readonly #keys: TokenKeys;

  constructor(options: AccessTokenOptions) {
    this.#options = options;
    this.#keys = new TokenKeys(options.uaaUrl, options.logger, options.now);
  }

  /** Takes the value of the Authorization header. */
  async check(authorization: string | undefined): Promise<AccessToken> {
    if (authorization === undefined || authorization === '') return { outcome: 'missing' };
    const token = /^bearer +([^ ]+)$/i.exec(authorization)?.[1];
    if (token === undefined) return { outcome: 'invalid', reason: 'no bearer token' };
    const { issuer, audience } = this.#options;
    try {
      const { payload } = await jwtVerify(token, this.#keys.get, {
        // uaa signs with RS256 alone: no other algorithm may be talked into using its public key.
        algorithms: ['RS256'],
        requiredClaims: ['exp'],
        clockTolerance: CLOCK_TOLERANCE_S,
        ...(issuer === undefined ? {} : { issuer }),
        ...(audience === undefined ? {} : { audience }),
      });
      return { outcome: 'valid', token, claims: payload };
    } catch (cause) {
      if (cause instanceof errors.JOSEError) return { outcome: 'invalid', reason: cause.code, cause };
      return { outcome: 'unavailable', cause };
    }
  }
}
