import type { AccessTokens } from '@slipway/service-kit';
import { z } from 'zod';
import type { TokenCheck } from '../../domain/access.ts';

const claimsSchema = z.looseObject({
  jti: z.string().min(1),
  scope: z.array(z.string()).default([]),
});

/** Reads the Authorization header: whose token it is, if it is one of uaa's that holds now. */
export async function checkToken(tokens: AccessTokens, authorization: string | undefined): Promise<TokenCheck> {
  const checked = await tokens.check(authorization);
  if (checked.outcome === 'missing') return { outcome: 'invalid', reason: 'no bearer token' };
  if (checked.outcome !== 'valid') return checked;
  const claims = claimsSchema.safeParse(checked.claims);
  if (!claims.success) return { outcome: 'invalid', reason: 'claims' };
  return {
    outcome: 'valid',
    caller: { token: checked.token, tokenId: claims.data.jti, scopes: claims.data.scope },
  };
}
