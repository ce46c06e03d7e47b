import formbody from '@fastify/formbody';
import { childTrace, type Logger, parseTraceparent, withTrace } from '@slipway/service-kit';
import Fastify, { type FastifyInstance } from 'fastify';
import { type AuthorizeRoutesDependencies, authorizeRoutes } from './authorize.ts';
import { type ClientRoutesDependencies, clientRoutes } from './clients.ts';
import { replyToErrors } from './error-reply.ts';
import { type GroupRoutesDependencies, groupRoutes } from './groups.ts';
import { type ServerInfoDependencies, serverInfoRoutes } from './server-info.ts';
import { type KeyRoutesDependencies, keyRoutes } from './signing-keys.ts';
import { type TokenRoutesDependencies, tokenRoutes } from './token.ts';
import { userInfoRoutes } from './user-info.ts';
import { type UserRoutesDependencies, userRoutes } from './users.ts';

export interface ApiDependencies
  extends ServerInfoDependencies,
    TokenRoutesDependencies,
    UserRoutesDependencies,
    GroupRoutesDependencies,
    AuthorizeRoutesDependencies,
    KeyRoutesDependencies,
    ClientRoutesDependencies {
  readonly logger: Logger;
  readonly onError: (code: string) => void;
}

const MAX_BODY_BYTES = 64 * 1024;

/** UAA's HTTP API under `/uaa`, where the router sends it, and under `/`, for a host of its own. */
export async function createApi(dependencies: ApiDependencies): Promise<FastifyInstance> {
  const api = Fastify({ logger: false, bodyLimit: MAX_BODY_BYTES });
  api.addHook('onRequest', (request, _reply, done) => {
    withTrace(childTrace(parseTraceparent(request.headers.traceparent as string | undefined)), done);
  });
  replyToErrors(api, dependencies.logger, dependencies.onError);
  readBodies(api);
  await api.register(formbody);
  for (const prefix of ['/uaa', '']) {
    await api.register(
      async (scope) => {
        serverInfoRoutes(scope, dependencies);
        tokenRoutes(scope, dependencies);
        userRoutes(scope, dependencies);
        groupRoutes(scope, dependencies);
        userInfoRoutes(scope, dependencies);
        authorizeRoutes(scope, dependencies);
        keyRoutes(scope, dependencies);
        clientRoutes(scope, dependencies);
      },
      { prefix },
    );
  }
  await api.ready();
  return api;
}

/** cf says `application/json` also where it sends no body, which Fastify by itself refuses. */
function readBodies(api: FastifyInstance): void {
  api.removeContentTypeParser(['application/json', 'text/plain']);
  api.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    if (body === '') return done(null, undefined);
    try {
      done(null, JSON.parse(body.toString()));
    } catch {
      // JSON.parse quotes the text, and that may hold a password.
      done(Object.assign(new Error('the body is not JSON'), { statusCode: 400 }));
    }
  });
}
