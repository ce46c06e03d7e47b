import { Validator } from '@seriousme/openapi-schema-validator';
import { checkAgainstOpenapi } from '@slipway/testing';
import { describe, expect, test } from 'vitest';
import { useApi } from '../../../testing/api-suite.ts';
import { engines } from '../../../testing/test-database.ts';

type Json = Record<string, unknown>;
interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly security: readonly Json[];
  readonly parameters?: readonly Json[];
  readonly requestBody?: { readonly content: Json };
  readonly responses: Readonly<Record<string, Json>>;
}

describe.each(engines)('the description of the API, on $engine', ({ create }) => {
  const suite = useApi(create);
  const document = async (): Promise<Json & { paths: Record<string, Record<string, Operation>> }> =>
    (await suite.api.as('').get('/v3/openapi.json')).body;
  const operations = async (): Promise<(Operation & { readonly name: string })[]> =>
    Object.entries((await document()).paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, ...operation })),
    );

  test('is an OpenAPI 3.1 document', async () => {
    const result = await new Validator().validate(await document());
    expect(result.errors).toBeUndefined();
    expect(result).toMatchObject({ valid: true });
    expect((await document()).openapi).toBe('3.1.0');
  });

  test('has every endpoint that is registered', async () => {
    const described = (await operations()).map(({ name }) => name);
    expect(described).toHaveLength(new Set(described).size);
    expect(described.toSorted()).toEqual(suite.api.endpoints().toSorted());
    expect(described.length).toBeGreaterThan(150);
  });

  test('names every endpoint in a way of its own, and says what it answers', async () => {
    const all = await operations();
    const ids = all.map(({ operationId }) => operationId);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    for (const { name, operationId, summary, tags, security, responses } of all) {
      expect([name, operationId, summary]).toEqual([name, expect.stringMatching(/^\w+$/), expect.stringMatching(/\w/)]);
      expect([name, tags]).toEqual([name, [expect.stringMatching(/\w/)]]);
      const open = /^GET \/(v3(\/info|\/openapi\.json)?)?$|\/v2\//.test(name);
      expect([name, security]).toEqual([name, open ? [] : [{ bearer: [] }]]);
      expect([name, Object.keys(responses)]).toEqual([name, expect.arrayContaining(['4XX', '5XX'])]);
    }
  });

  test('lets no endpoint work without saying how', async () => {
    const silent = (await operations())
      .filter(({ responses }) => !Object.keys(responses).some((status) => status.startsWith('2')))
      .map(({ name }) => name);
    const statuses = await Promise.all(
      silent.map(async (name) => {
        const [method = '', path = ''] = name.replaceAll(/\{\w+\}/g, 'x').split(' ');
        return [name, (await suite.api.admin.send(method, path, '{}')).status];
      }),
    );
    expect(statuses.filter(([, status]) => status !== 422 && status !== 404)).toEqual([]);
  });

  test('has what lists understand', async () => {
    const { paths, components } = (await document()) as unknown as {
      paths: Record<string, Record<string, Operation>>;
      components: { parameters: Record<string, Json> };
    };
    const parameters = (paths['/v3/apps']?.get?.parameters ?? []).map((parameter) =>
      typeof parameter.$ref === 'string' ? components.parameters[parameter.$ref.split('/').at(-1) ?? ''] : parameter,
    );
    const names = parameters.map((parameter) => parameter?.name);
    for (const name of ['page', 'per_page', 'order_by', 'include', 'label_selector', 'created_ats[gt]', 'names']) {
      expect(names).toContain(name);
    }
    expect(parameters.find((parameter) => parameter?.name === 'include')).toMatchObject({
      in: 'query',
      style: 'form',
      explode: false,
      schema: { type: 'array', items: { enum: ['space', 'space.organization', 'org'] } },
    });
  });

  test('has bodies: JSON, or YAML for manifests', async () => {
    const all = await operations();
    const content = (id: string): Json | undefined =>
      all.find(({ operationId }) => operationId === id)?.requestBody?.content;
    expect(content('createApp')).toMatchObject({
      'application/json': { schema: { required: ['name', 'relationships'], additionalProperties: false } },
    });
    expect(Object.keys(content('applyManifestSpace') ?? {})).toEqual(['application/x-yaml']);
  });

  test('says a thing once', async () => {
    const text = JSON.stringify(await document());
    expect(text.match(/"total_results":/g)).toHaveLength(1);
    expect(text.match(/"name":"label_selector"/g)).toHaveLength(1);
    expect(text.length).toBeLessThan(400_000);
  });

  test('is compared with every answer of these tests', async () => {
    const answer = await suite.api.admin.get(`/v3/spaces/${suite.spaceGuid}`);
    const exchange = { method: 'GET', path: '/v3/spaces/x', ...answer };
    const planted = { ...answer.body, metadata: { ...answer.body.metadata, secret: 'x' } };
    const described = await document();
    const check = (body: unknown) => () => {
      checkAgainstOpenapi(described, { ...exchange, body: JSON.stringify(body) });
    };
    expect(check(answer.body)).not.toThrow();
    expect(check(planted)).toThrow('/metadata must NOT have additional properties');
    expect(check({ ...answer.body, created_at: 'yesterday' })).toThrow('/created_at must match pattern');
  });
});
