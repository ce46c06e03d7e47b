import { uptime } from 'node:os';
import { childTrace, type Logger, parseTraceparent, withTrace } from '@slipway/service-kit';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { type Access, type Caller, readsAll, type TokenCheck } from '../domain/access.ts';
import type { LogStore } from '../domain/log-store.ts';
import { renderBatch, renderMeta, renderPromqlError, renderStatus, statusCodes } from '../domain/protojson.ts';
import { parseReadQuery, type QueryParameters } from '../domain/read-query.ts';
import { metaTogether, readTogether } from '../domain/read-together.ts';
import { readableSources } from './readable-sources.ts';

export interface ApiDependencies {
  /** The lines, once all are there; undefined when that takes longer than `timeoutMs`. */
  readonly whenRead: (timeoutMs: number) => Promise<LogStore | undefined>;
  /** What instances use. */
  readonly gauges: LogStore;
  readonly checkToken: (authorization: string | undefined) => Promise<TokenCheck>;
  readonly checkAccess: (sourceId: string, caller: Caller) => Promise<Access>;
  readonly onRead: (envelopes: number) => void;
  readonly logger: Logger;
}

/** The log-cache release whose HTTP API this is. Clients take `/api/v1` from 2.0.0 on (go-log-cache `client.go`). */
const API_VERSION = '3.2.0';
/** A start reads the whole stream; a client that comes in between had better wait than be sent away. */
const FIRST_READ_TIMEOUT_MS = 10_000;
/** 1,000 lines of ordinary length are 1 MB; 1,000 of the longest would be 90. */
const MAX_RESPONSE_BYTES = 16 * 1024 * 1024;
const NO_PROMQL =
  'PromQL is not available here: what instances use is in /api/v1/read/SOURCE_ID?envelope_types=GAUGE, and in "cf app"';
const SOURCE_ID = /^[A-Za-z0-9_-]{1,64}$/;
const JSON_TYPE = 'application/json';

/** log-cache's HTTP API, together with what its cf-auth-proxy checks. */
export function createApi(dependencies: ApiDependencies): FastifyInstance {
  const api = Fastify({ logger: false, bodyLimit: 1_024 });
  const { logger } = dependencies;
  api.addHook('onRequest', (request, _reply, done) => {
    withTrace(childTrace(parseTraceparent(request.headers.traceparent as string | undefined)), done);
  });
  api.setErrorHandler((error: Error & { readonly statusCode?: number }, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) logger.error({ err: error, path: request.url }, 'api.failed');
    return send(reply, status, renderStatus(status >= 500 ? statusCodes.internal : statusCodes.invalid, error.message));
  });
  api.setNotFoundHandler((_request, reply) => notFound(reply));

  api.get('/api/v1/info', (_request, reply) =>
    send(reply, 200, JSON.stringify({ version: API_VERSION, vm_uptime: Math.floor(uptime()).toString() })),
  );

  api.get<{ Params: { sourceId: string }; Querystring: QueryParameters }>(
    '/api/v1/read/:sourceId',
    async (request, reply) => {
      const { sourceId } = request.params;
      const caller = await identify(request, reply);
      if (caller === undefined) return reply;
      if (!SOURCE_ID.test(sourceId)) return notFound(reply);
      if (!readsAll(caller)) {
        const access = await dependencies.checkAccess(sourceId, caller);
        if (access.outcome === 'unknown') return unavailable(reply, access.cause);
        if (access.outcome === 'denied') return notFound(reply);
      }
      const query = parseReadQuery(request.query);
      if (query.outcome === 'invalid') return send(reply, 400, renderStatus(statusCodes.invalid, query.message));
      const store = await dependencies.whenRead(FIRST_READ_TIMEOUT_MS);
      if (store === undefined) return unavailable(reply, new Error('the log stream is still being read'));
      const both = [store, dependencies.gauges] as const;
      const { envelopes, truncated } = readTogether(both, sourceId, query.range, MAX_RESPONSE_BYTES);
      if (truncated && query.range.descending) {
        // Going back there is no next page. A client that gets 429 halves its limit (cf `log_cache_client.go`).
        return send(reply, 429, renderStatus(statusCodes.exhausted, 'the lines are too long for this limit'));
      }
      dependencies.onRead(envelopes.length);
      return send(reply, 200, renderBatch(envelopes));
    },
  );

  api.get('/api/v1/meta', async (request, reply) => {
    const caller = await identify(request, reply);
    if (caller === undefined) return reply;
    const store = await dependencies.whenRead(FIRST_READ_TIMEOUT_MS);
    if (store === undefined) return unavailable(reply, new Error('the log stream is still being read'));
    const readable = await readableSources(
      metaTogether([store, dependencies.gauges]),
      caller,
      dependencies.checkAccess,
    );
    if (readable.outcome === 'unknown') return unavailable(reply, readable.cause);
    return send(reply, 200, renderMeta(readable.sources));
  });

  for (const path of ['/api/v1/query', '/api/v1/query_range']) {
    api.get(path, async (request, reply) => {
      const caller = await identify(request, reply);
      return caller === undefined ? reply : send(reply, 400, renderPromqlError(NO_PROMQL));
    });
  }

  /** The caller; undefined when the reply was sent: 404 for every bad token, so that nobody learns what exists. */
  async function identify(request: FastifyRequest, reply: FastifyReply): Promise<Caller | undefined> {
    const check = await dependencies.checkToken(request.headers.authorization);
    if (check.outcome === 'valid') return check.caller;
    if (check.outcome === 'unavailable') unavailable(reply, check.cause);
    else notFound(reply);
    return undefined;
  }

  /** Not 404: whoever may read must not be told that there is nothing. */
  function unavailable(reply: FastifyReply, cause: unknown): FastifyReply {
    logger.warn({ err: cause }, 'api.unavailable');
    return send(reply.header('retry-after', '1'), 503, renderStatus(statusCodes.unavailable, 'try again'));
  }

  return api;
}

function notFound(reply: FastifyReply): FastifyReply {
  return send(reply, 404, renderStatus(statusCodes.notFound, 'Not Found'));
}

function send(reply: FastifyReply, status: number, json: string): FastifyReply {
  return reply.code(status).type(JSON_TYPE).send(json);
}
