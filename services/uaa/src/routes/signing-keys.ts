import type { Logger } from '@slipway/service-kit';
import type { FastifyInstance } from 'fastify';
import type { AccessTokens } from '../handlers/access-tokens.ts';
import type { KeyRing } from '../handlers/key-ring.ts';
import { ADMIN_SCOPE, requireScope } from './authorization.ts';

export interface KeyRoutesDependencies {
  readonly keys: KeyRing;
  readonly accessTokens: AccessTokens;
  readonly logger: Logger;
}

/** Rotating the signing key while everything runs: `cf curl -X POST /uaa/token_keys`. UAA has no such path. */
export function keyRoutes(api: FastifyInstance, { keys, accessTokens, logger }: KeyRoutesDependencies): void {
  api.post('/token_keys', async (request, reply) => {
    const caller = await accessTokens.verify(request.headers.authorization);
    requireScope(caller, ADMIN_SCOPE);
    const { kid, activatesAt } = await keys.rotate();
    logger.info({ kid, userGuid: caller.userGuid, clientId: caller.clientId }, 'signing-key.rotated');
    return reply.code(201).send({ kid, activates_at: new Date(activatesAt).toISOString(), keys: keys.published() });
  });
}
