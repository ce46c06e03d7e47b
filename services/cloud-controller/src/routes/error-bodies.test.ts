import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { type Answer, errorOf } from '../../testing/client.ts';
import { createApp } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';

const NO_GUID = '00000000-0000-4000-8000-000000000000';
const YAML = { 'content-type': 'application/x-yaml' };
const nested = (depth: number): string => `{"name":${'['.repeat(depth)}${']'.repeat(depth)}}`;

describe.each(engines)('errors on $engine', ({ create }) => {
  const suite = useApi(create);
  const post = (body: string, path = '/v3/apps', headers = {}): Promise<Answer> =>
    suite.api.admin.send('POST', path, body, headers);
  const app = (fields: string): string =>
    `{"relationships":{"space":{"data":{"guid":"${suite.spaceGuid}"}}},${fields}}`;
  const manifest = (text: string): Promise<Answer> =>
    post(text, `/v3/spaces/${suite.spaceGuid}/actions/apply_manifest`, YAML);

  const parse = (detail: string) => ({
    status: 400,
    code: 1001,
    title: 'CF-MessageParseError',
    detail: `Request invalid due to parse error: ${detail}`,
  });
  const invalid = (detail: string) => ({ status: 422, code: 10008, title: 'CF-UnprocessableEntity', detail });

  test.each([
    ['not JSON', '{"name":', parse('invalid request body')],
    ['cut within a text', '{"name":"x', parse('invalid request body')],
    ['a single quote', "'", parse('invalid request body')],
    ['a zero character', '{"name":"a\\u0000b"}', parse('a text has characters that no text has')],
    ['half a surrogate pair', '{"name":"\\ud800"}', parse('a text has characters that no text has')],
    ['a number beyond all', '{"name":1e999}', parse('a number is too large')],
    ['deep nesting', nested(500), parse('nested too deeply')],
    ['very deep nesting', nested(200_000), parse('nested too deeply')],
    ['a name of no object', '{"__proto__":{"name":"x"}}', parse("a key is '__proto__'")],
    ['a list', '[]', invalid('Body must be an object')],
    ['a text', '"name"', invalid('Body must be an object')],
    ['no name', '{}', invalid("Name can't be blank, Relationships can't be blank")],
  ])('%s', async (_, body, expected) => {
    expect(errorOf(await post(body))).toEqual(expected);
  });

  test.each([
    ['an unknown field', '"name":"x","colour":"red"', "Unknown field(s): 'colour'"],
    ['a wrong type', '"name":7', 'Name must be a string'],
    ['a name that is too long', `"name":"${'n'.repeat(256)}"`, 'Name is too long (maximum is 255 characters)'],
    ['an empty name', '"name":""', "Name can't be blank"],
    ['a wrong type of a variable', '"name":"x","environment_variables":{"A":[]}', expect.stringContaining('A')],
  ])('%s', async (_, fields, detail) => {
    expect(errorOf(await post(app(fields)))).toEqual(invalid(detail));
  });

  test('of a key that is given twice the last counts, as in Ruby', async () => {
    const answer = await post(app('"name":"first","name":"last-of-two"'));
    expect(answer.body.name).toBe('last-of-two');
  });

  test('a body that is not UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);
    expect(errorOf(await suite.api.admin.send('POST', '/v3/apps', bytes))).toEqual(parse('the body is not UTF-8'));
  });

  test('a body that is too large', async () => {
    const answer = await post(JSON.stringify({ name: 'x'.repeat(1024 * 1024) }));
    expect(errorOf(answer)).toEqual({
      status: 413,
      code: 1004,
      title: 'CF-BadRequest',
      detail: 'Bad request: the body is larger than 1048576 bytes',
    });
  });

  test('more of a list than a statement has parameters for', async () => {
    const { body } = await suite.api.admin.post('/v3/isolation_segments', { name: 'crowded' });
    const organizations = { data: Array.from({ length: 40_000 }, (_, i) => ({ guid: `o${i}` })) };
    const entitled = `/v3/isolation_segments/${body.guid}/relationships/organizations`;
    expect(errorOf(await suite.api.admin.post(entitled, organizations))).toEqual(
      invalid('Data must have at most 1000 items'),
    );
    const appGuid = await createApp(suite.api.admin, suite.spaceGuid, 'crowded');
    const types = Array.from({ length: 40_000 }, (_, i) => `t${i}`);
    const sidecar = { name: 'crowded', command: 'true', process_types: types };
    expect(errorOf(await suite.api.admin.post(`/v3/apps/${appGuid}/sidecars`, sidecar))).toEqual(
      invalid('Process types must have at most 1000 items'),
    );
    // JSON is YAML.
    const applied = await manifest(JSON.stringify({ applications: [{ name: 'crowded', sidecars: [sidecar] }] }));
    expect(errorOf(applied)).toMatchObject({ status: 422, detail: expect.stringContaining('at most 1000 items') });
  });

  test('YAML where JSON is due, and JSON where YAML is', async () => {
    expect(errorOf(await post('name: x', '/v3/apps', YAML))).toEqual(parse('the body must be JSON'));
    const answer = await post('{}', `/v3/spaces/${suite.spaceGuid}/actions/apply_manifest`);
    expect(errorOf(answer)).toMatchObject({
      status: 400,
      code: 1004,
      detail: 'Bad request: Content-Type must be yaml',
    });
  });

  test('unknown endpoints, and methods that an endpoint has not', async () => {
    const unknown = { status: 404, code: 10000, title: 'CF-NotFound', detail: 'Unknown request' };
    expect(errorOf(await suite.api.admin.get('/v3/nothing'))).toEqual(unknown);
    expect(errorOf(await suite.api.admin.send('PUT', '/v3/apps', '{}'))).toEqual(unknown);
    expect(errorOf(await suite.api.admin.send('DELETE', '/v3/apps', undefined))).toEqual(unknown);
    expect(errorOf(await suite.api.admin.get('/v3/apps/%'))).toEqual(unknown);
    expect(errorOf(await suite.api.admin.get('/v3/apps/a%00b'))).toEqual(unknown);
  });

  test.each([NO_GUID, 'x', "'", '%22%3B--', 'x'.repeat(255), '%F0%9F%98%80'])(
    'guids that are of nothing: %s',
    async (guid) => {
      expect(errorOf(await suite.api.admin.get(`/v3/apps/${guid}`))).toEqual({
        status: 404,
        code: 10010,
        title: 'CF-ResourceNotFound',
        detail: 'App not found',
      });
    },
  );

  test.each([
    'color=red',
    'page=0',
    'page=x',
    'per_page=5001',
    'order_by=size',
    'include=droplets',
    'created_ats=yesterday',
    'created_ats[gt]=2020-01-01T00:00:00Z,2021-01-01T00:00:00Z',
    'label_selector=a%20b',
    'names=a%00b',
    'a%00b=1',
  ])('bad query parameters: %s', async (query) => {
    expect(errorOf(await suite.api.admin.get(`/v3/apps?${query}`))).toMatchObject({
      status: 400,
      code: 10005,
      title: 'CF-BadQueryParameter',
    });
  });

  test('query parameters of one resource', async () => {
    const guid = await createApp(suite.api.admin, suite.spaceGuid);
    expect(errorOf(await suite.api.admin.get(`/v3/apps/${guid}?include=droplet`))).toMatchObject({ code: 10005 });
    expect(errorOf(await suite.api.admin.get(`/v3/apps/${guid}?color=red`)).detail).toBe(
      "The query parameter is invalid: Unknown query parameter(s): 'color'. Valid parameters are: 'include'",
    );
  });

  test('no token, and one that is none', async () => {
    const without = { status: 401, code: 10002, title: 'CF-NotAuthenticated', detail: 'Authentication error' };
    expect(errorOf(await suite.api.as('').get('/v3/apps'))).toEqual(without);
    const wrong = { status: 401, code: 1000, title: 'CF-InvalidAuthToken', detail: 'Invalid Auth Token' };
    expect(errorOf(await suite.api.as('bearer none').get('/v3/apps'))).toEqual(wrong);
    // Whoever has no token learns nothing of bodies.
    expect(errorOf(await suite.api.as('').send('POST', '/v3/apps', '{"name":'))).toEqual(without);
  });

  test('of a manifest every problem is an error of its own', async () => {
    const answer = await manifest(
      'applications: [{name: one, memory: 7, instances: -1}, {name: one, docker: {image: x}}, {memory: 1G}]',
    );
    expect(answer.status).toBe(422);
    const error = (detail: string) => ({ code: 10008, title: 'CF-UnprocessableEntity', detail });
    expect(answer.body.errors).toEqual([
      error("For application 'one': Instances must be greater than or equal to 0"),
      error("For application 'one': Memory must use a supported unit: B, K, KB, M, MB, G, GB, T, or TB"),
      error("For application at index 2: Name can't be blank"),
    ]);
  });

  test('manifests that are none', async () => {
    expect(errorOf(await manifest('a: ['))).toMatchObject({ status: 400, code: 1001 });
    expect(errorOf(await manifest('- a'))).toEqual(parse('invalid request body'));
    expect(errorOf(await manifest('a: "x\\0y"'))).toEqual(parse('a text has characters that no text has'));
    expect(errorOf(await manifest('a: &a 1\nb: *a'))).toMatchObject({
      status: 400,
      code: 1004,
      detail: 'Bad request: Manifest does not support Anchors and Aliases',
    });
    expect(errorOf(await manifest('version: 2\napplications: [{name: x}]')).detail).toBe(
      'Unsupported manifest schema version. Currently supported versions: [1].',
    );
  });

  test('a manifest may say what nobody knows', async () => {
    const text = 'applications: [{name: with-more, docker: {image: x, password: hidden}, colour: red}]\nmore: 1';
    expect((await manifest(text)).status).toBe(202);
    const diff = await post(text, `/v3/spaces/${suite.spaceGuid}/manifest_diff`, YAML);
    expect(diff.status).toBe(201);
    expect(diff.text).not.toMatch(/hidden|colour|more/);
  });
});
