import { describe, expect, test } from 'vitest';
import { type ApiExchange, checkAgainstOpenapi } from './openapi-conformance.ts';

const parameter = (name: string, where: string, more: object = {}) => ({
  name,
  in: where,
  schema: { type: 'string' },
  ...more,
});
const json = (schema: object) => ({ description: '', content: { 'application/json': { schema } } });
const document = {
  openapi: '3.1.0',
  components: {
    schemas: {
      App: {
        type: 'object',
        properties: { guid: { type: 'string' }, link: { type: 'string', format: 'uri' } },
        required: ['guid'],
        additionalProperties: false,
      },
    },
    responses: { Error: json({ type: 'object', required: ['errors'] }) },
  },
  paths: {
    '/apps': {
      get: { parameters: [parameter('names', 'query')], responses: { 200: json({ type: 'array' }) } },
    },
    '/apps/{guid}': {
      get: {
        parameters: [parameter('guid', 'path')],
        responses: { 200: json({ $ref: '#/components/schemas/App' }), '4XX': { $ref: '#/components/responses/Error' } },
      },
      patch: {
        requestBody: json({ type: 'object', properties: { name: { type: 'string' } }, additionalProperties: false }),
        responses: { 200: { description: '' }, '4XX': { $ref: '#/components/responses/Error' } },
      },
      delete: {
        responses: { 202: { description: '', headers: { Location: { schema: { type: 'string' } } } } },
      },
    },
    '/apps/default': { get: { responses: { 200: json({ const: 'the default' }) } } },
    '/files/{rest}': {
      get: { parameters: [parameter('rest', 'path', { 'x-rest-of-path': true })], responses: { 200: json({}) } },
    },
  },
};
const headers = { 'content-type': 'application/json; charset=utf-8' };
const exchange = (path: string, body: unknown, more: Partial<ApiExchange> = {}): ApiExchange => ({
  method: 'GET',
  path,
  status: 200,
  headers,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  ...more,
});

describe('what is as described passes', () => {
  test.each([
    exchange('/apps/1', { guid: '1', link: 'http://x/y' }),
    exchange('/apps/1/', { guid: '1' }),
    exchange('/apps?names=a', []),
    exchange('/apps/default', '"the default"'),
    exchange('/apps/1', { errors: [] }, { status: 404 }),
    exchange('/files/a/b', {}),
    exchange('/apps/1', '', { method: 'HEAD' }),
    exchange('/apps/1', '', { method: 'DELETE', status: 202, headers: { location: 'x' } }),
    exchange('/nothing', { errors: [] }, { status: 404 }),
    exchange('/apps/1', '', { method: 'PATCH', sent: '{"name":"x"}' }),
    exchange('/apps/1', '', { method: 'PATCH', sent: '' }),
    exchange('/apps/1', { errors: [] }, { method: 'PATCH', status: 422, sent: '{"name":1}' }),
  ])('$method $path', (planted) => {
    expect(() => checkAgainstOpenapi(document, planted)).not.toThrow();
  });
});

describe('what is not as described fails', () => {
  test.each([
    ['a field that is not described', exchange('/apps/1', { guid: '1', secret: 'x' }), 'additional properties'],
    ['a field that is missing', exchange('/apps/1', {}), "must have required property 'guid'"],
    ['a wrong type', exchange('/apps/1', { guid: 1 }), '/guid must be string'],
    ['a wrong format', exchange('/apps/1', { guid: '1', link: 'not a link' }), 'must match format "uri"'],
    ['a status that is not described', exchange('/apps/1', {}, { status: 201 }), 'does not describe status 201'],
    ['an endpoint that is not described', exchange('/spaces', []), 'GET /spaces is not described'],
    ['another content type', exchange('/apps', '[]', { headers: { 'content-type': 'text/plain' } }), 'text/plain'],
    ['no JSON', exchange('/apps', '['), 'not JSON'],
    ['an error of another shape', exchange('/apps/1', { error: 'x' }, { status: 404 }), "'errors'"],
    ['a header that is missing', exchange('/apps/1', '', { method: 'DELETE', status: 202 }), 'Location is missing'],
    [
      'a body where none is described',
      exchange('/apps/1', '{}', { method: 'DELETE', status: 202, headers: { location: 'x' } }),
      'there is a body',
    ],
    [
      'a request that should not pass',
      exchange('/apps/1', '', { method: 'PATCH', sent: '{"name":1}' }),
      '/name must be',
    ],
    ['a parameter that is not described', exchange('/apps?color=red', []), 'color is not described'],
  ])('%s', (_, planted, text) => {
    expect(() => checkAgainstOpenapi(document, planted)).toThrow(text);
  });
});
