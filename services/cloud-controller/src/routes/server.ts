import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { isDiskFull } from '@slipway/database';
import { Histogram, type Logger, type Registry } from '@slipway/service-kit';
import fastify, { type FastifyError, type FastifyReply, type FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { type ZodType, z } from 'zod';
import { bodyProblem, isStorable } from '../domain/body-problem.ts';
import { validationTexts } from '../domain/validation-text.ts';
import { ApiError, CompoundError, unprocessable } from '../errors.ts';
import type { Api } from './api-context.ts';
import { bodyNotes, YAML_TYPE } from './openapi/answers.ts';
import { YAML_TYPES, YamlText } from './yaml-body.ts';

/** Bodies are small; a manifest of a hundred apps is far below this. */
const MAX_BODY_BYTES = 1024 * 1024;
const REQUEST_TIMEOUT_MS = 60_000;
/** The router keeps connections open and sends requests on them: it must be the one that closes them. */
const KEEP_ALIVE_MS = 120_000;

export interface ServerOptions {
  readonly logger: Logger;
  readonly metrics: Registry;
  /** Checks each response against its schema, and answers 500 when it does not match. For tests. */
  readonly checkResponses?: boolean;
}

/** The HTTP server, without endpoints: bodies, validation, errors, logs, metrics. */
export function createServer(options: ServerOptions): Api {
  const api = fastify({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 255 },
    genReqId: () => randomUUID(),
    frameworkErrors: (error, request, reply) => answerError(error, request, reply, options.logger),
  }).withTypeProvider<ZodTypeProvider>();
  // The cf CLI names JSON as the type of empty bodies, and curl names a form for JSON: the type decides nothing.
  api.removeAllContentTypeParsers();
  api.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => parseBody(body, readJson, done));
  api.addContentTypeParser(YAML_TYPES, { parseAs: 'buffer' }, (_, body, done) =>
    parseBody(body, (text) => new YamlText(text), done),
  );
  // What a database cannot keep as text names nothing.
  api.addHook('preValidation', async (request) => {
    if (hasUnstorable(request.params)) throw new ApiError('NotFound');
    const query = (request.query ?? {}) as object;
    if (hasUnstorable(query)) throw new ApiError('BadQueryParameter', 'a value has characters that no text has');
    // Whatever copies an object would drop it.
    if (Object.hasOwn(query, '__proto__')) {
      throw new ApiError('BadQueryParameter', "Unknown query parameter(s): '__proto__'");
    }
  });
  api.setValidatorCompiler(({ schema, httpPart }) => validator(schema as unknown as ZodType, httpPart));
  api.setSerializerCompiler(({ schema }) => serializer(schema as unknown as ZodType, options.checkResponses === true));
  api.setErrorHandler((error: FastifyError | Error, request, reply) =>
    answerError(error, request, reply, options.logger),
  );
  api.setNotFoundHandler((request, reply) => answerError(new ApiError('NotFound'), request, reply, options.logger));
  observe(api, options);
  return api;
}

function parseBody(
  body: string | Buffer,
  read: (text: string) => unknown,
  done: (error: Error | null, body?: unknown) => void,
): void {
  if (!isUtf8(Buffer.from(body))) {
    done(new ApiError('MessageParseError', 'the body is not UTF-8'));
    return;
  }
  try {
    done(null, read(body.toString()));
  } catch (error) {
    done(error as Error);
  }
}

/** Throws MessageParseError. */
function readJson(text: string): unknown {
  if (text.trim() === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ApiError('MessageParseError', 'invalid request body', { cause });
  }
  const problem = bodyProblem(value);
  if (problem !== undefined) throw new ApiError('MessageParseError', problem);
  return value;
}

function hasUnstorable(values: unknown): boolean {
  return Object.entries((values ?? {}) as object).some(
    ([name, value]) => !isStorable(name) || !isStorable(String(value)),
  );
}

function validator(schema: ZodType, httpPart: string | undefined) {
  return (data: unknown): { value: unknown } | { error: Error } => {
    // YAML is parsed, and then checked, by the endpoint that takes it.
    if (httpPart === 'body' && bodyNotes.get(schema)?.contentType === YAML_TYPE) return { value: data };
    // An endpoint that takes a body reads a missing one as an empty one, and says which fields it lacks.
    const input = httpPart === 'body' && (data === undefined || data === null) ? {} : data;
    if (input instanceof YamlText) return { error: new ApiError('MessageParseError', 'the body must be JSON') };
    const result = schema.safeParse(input, { reportInput: true });
    if (result.success) return { value: result.data };
    const texts = validationTexts(result.error.issues);
    if (httpPart === 'querystring') return { error: new ApiError('BadQueryParameter', texts.join(', ')) };
    return { error: unprocessable(...texts) };
  };
}

function serializer(schema: ZodType, check: boolean): (data: unknown) => string {
  if (!check) return (data) => JSON.stringify(data);
  const strict = schema instanceof z.ZodObject ? schema.strict() : schema;
  return (data) => {
    strict.parse(data);
    return JSON.stringify(data);
  };
}

function answerError(error: Error, request: FastifyRequest, reply: FastifyReply, logger: Logger): void {
  const errors = error instanceof CompoundError ? error.errors : ([toApiError(error, request)] as const);
  const [answer] = errors;
  if (answer.status >= 500) {
    logger.error(
      { err: answer.cause ?? error, method: request.method, url: request.url, requestId: request.id },
      'request.failed',
    );
  }
  void reply
    .header('x-vcap-request-id', request.id)
    .code(answer.status)
    .type('application/json; charset=utf-8')
    // As text: the endpoint's response schema is not that of an error.
    .serializer((body: unknown) => JSON.stringify(body))
    .send({ errors: errors.map(({ body }) => body) });
}

function toApiError(error: Error, request: FastifyRequest): ApiError {
  if (error instanceof ApiError) return error;
  const { code, statusCode } = error as FastifyError;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? '';
    // cloud_controller_ng's own answer; of other bodies the proxy in front of it takes care.
    if (YAML_TYPES.includes(type)) {
      return new ApiError('BadRequest', 'Manifest size is too large. The maximum supported size is 1MB.');
    }
    return new ApiError('BadRequest', `the body is larger than ${MAX_BODY_BYTES} bytes`, { status: 413 });
  }
  if (code === 'FST_ERR_BAD_URL') return new ApiError('NotFound');
  // Whatever else Fastify finds wrong with a request's form.
  if (typeof code === 'string' && code.startsWith('FST_') && statusCode !== undefined && statusCode < 500) {
    return new ApiError('MessageParseError', error.message, { cause: error });
  }
  if (isDiskFull(error)) {
    const detail = 'The disk of the platform is full: nothing was changed. An operator must make room.';
    return new ApiError('ServiceUnavailable', detail, { cause: error });
  }
  return new ApiError('UnknownError', '', { cause: error });
}

function observe(api: Api, { logger, metrics }: ServerOptions): void {
  const duration = new Histogram({
    name: 'slipway_http_request_duration_seconds',
    help: 'Requests to the API',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [metrics],
  });
  api.addHook('onSend', async (request, reply) => {
    reply.header('x-vcap-request-id', request.id);
  });
  api.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    const status = String(reply.statusCode);
    duration.observe({ method: request.method, route, status }, reply.elapsedTime / 1_000);
    logger.debug({ method: request.method, route, status, requestId: request.id, ms: reply.elapsedTime }, 'request');
  });
}
