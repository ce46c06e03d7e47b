import { isDiskFull } from '@slipway/database';
import type { Logger } from '@slipway/service-kit';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { UaaError, uaaErrors } from '../errors.ts';

const RETRY_AFTER_S = '2';

/** UAA's error bodies: `{error, error_description}`. */
export function replyToErrors(api: FastifyInstance, logger: Logger, onError: (code: string) => void): void {
  api.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0];
    return send(reply, new UaaError('PATH_UNKNOWN', `there is no ${request.method} ${path}`));
  });
  api.setErrorHandler((error: Error & { readonly statusCode?: number }, request, reply) => {
    const known = error instanceof UaaError ? error : fromOthers(error);
    onError(known.code);
    if (known.kind === 'internal' || known.code === 'STORAGE_FULL') {
      logger.error({ err: error, method: request.method, route: request.routeOptions.url }, 'api.failed');
    }
    // Its own words may hold what nobody outside should read.
    return send(reply, known.kind === 'internal' ? new UaaError('FAILED', 'an internal error') : known);
  });
}

function send(reply: FastifyReply, error: UaaError): FastifyReply {
  if (error.code === 'CLIENT_REFUSED') reply.header('www-authenticate', 'Basic realm="UAA/client"');
  if (error.code === 'TOKEN_INVALID') reply.header('www-authenticate', 'Bearer realm="UAA/oauth"');
  if (error.code === 'BUSY') reply.header('retry-after', RETRY_AFTER_S);
  return reply.code(error.status).send({ error: error.error, error_description: error.message });
}

/** Fastify's own errors about a request (too large, not JSON) say what is wrong with it. */
function fromOthers(error: Error & { readonly statusCode?: number }): UaaError {
  const { statusCode } = error;
  if (isDiskFull(error)) return new UaaError('STORAGE_FULL', 'the disk is full: nothing was changed', { cause: error });
  if (statusCode === uaaErrors.MEDIA_TYPE_UNSUPPORTED.status) {
    return new UaaError('MEDIA_TYPE_UNSUPPORTED', error.message, { cause: error });
  }
  const ours = statusCode === undefined || statusCode < 400 || statusCode >= 500;
  return new UaaError(ours ? 'FAILED' : 'REQUEST_INVALID', error.message, { cause: error });
}
