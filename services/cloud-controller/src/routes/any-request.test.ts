import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { arbitraryBody, arbitraryBytes, arbitrarySegment } from '../../testing/arbitrary-body.ts';
import { permissionMatrix } from '../../testing/permission-matrix.ts';
import { startTestApi, type TestApi } from '../../testing/test-api.ts';
import { engines, type TestDatabase } from '../../testing/test-database.ts';
import { startTokenIssuer, type TokenIssuer } from '../../testing/token-issuer.ts';
import { fillPath, seedWorld, type World } from '../../testing/world.ts';

type Json = Readonly<Record<string, unknown>>;
interface Operation {
  readonly parameters?: readonly Json[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Json }>> };
}

const endpoints = [...new Set(permissionMatrix().map(({ endpoint }) => endpoint.replace(/ \(.+\)$/, '')))];
/** A night has more time. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 30);

describe.each(engines)('whatever is sent, on $engine', ({ create }) => {
  let issuer: TokenIssuer;
  let database: TestDatabase;
  let api: TestApi;
  let world: World;
  let document: Json;
  beforeAll(async () => {
    issuer = await startTokenIssuer();
    database = await create();
    api = await startTestApi(database, issuer);
    world = await seedWorld(api, issuer);
    document = (await api.admin.get('/v3/openapi.json')).body;
  });
  afterAll(async () => {
    await api?.stop();
    await database?.remove();
    await issuer?.stop();
  });

  const operationOf = (endpoint: string): Operation => {
    const [method = '', path = ''] = endpoint.split(' ');
    const paths = document.paths as Readonly<Record<string, Readonly<Record<string, Operation>>>>;
    return paths[path]?.[method.toLowerCase()] ?? {};
  };
  const queryOf = ({ parameters = [] }: Operation): fc.Arbitrary<string> => {
    const components =
      (document.components as Readonly<Record<string, Readonly<Record<string, Json>>>>).parameters ?? {};
    const names = parameters
      .map((parameter) =>
        typeof parameter.$ref === 'string' ? components[parameter.$ref.split('/').at(-1) ?? ''] : parameter,
      )
      .filter((parameter) => parameter?.in === 'query')
      .map((parameter) => encodeURIComponent(String(parameter?.name)));
    const name = fc.constantFrom('color', 'page', 'fields[x]', '__proto__', ...names);
    const pair = fc.tuple(name, arbitrarySegment).map(([key, value]) => `${key}=${value}`);
    return fc.array(pair, { maxLength: 3 }).map((pairs) => (pairs.length === 0 ? '' : `?${pairs.join('&')}`));
  };

  // Each answer is compared with the API's description, too.
  test.each(endpoints)('%s never fails', async (endpoint) => {
    const [method = '', path = ''] = endpoint.split(' ');
    const operation = operationOf(endpoint);
    const [[contentType, content] = ['application/json', undefined]] = Object.entries(
      operation.requestBody?.content ?? {},
    );
    const json = arbitraryBody(content?.schema ?? {}, document, Object.values(world.ids));
    // What is deleted is missed by others.
    const real = fc.constant(fillPath(path, world.ids));
    const strange = arbitrarySegment.map((segment) => path.replaceAll(/\{\w+\}/g, () => segment));
    const paths =
      method === 'DELETE' ? strange : fc.oneof({ weight: 5, arbitrary: real }, { weight: 1, arbitrary: strange });
    const types = fc.oneof(
      { weight: 10, arbitrary: fc.constant(contentType) },
      fc.constantFrom('application/json', 'text/plain', 'application/x-yaml', 'x'),
    );
    const body = method === 'GET' ? fc.constant(undefined) : arbitraryBytes(json);
    await fc.assert(
      fc.asyncProperty(paths, queryOf(operation), types, body, async (at, query, type, bytes) => {
        const answer = await api.admin.send(method, at + query, bytes, { 'content-type': type });
        // Nothing runs here: nothing is known of instances.
        if (answer.status === 503 && answer.body.errors[0].code === 220002) return;
        expect([answer.status, answer.text]).toEqual([expect.toSatisfy((status: number) => status < 500), answer.text]);
        if (answer.status < 400) return;
        if (path.startsWith('/networking/') && at.startsWith(path)) {
          expect(answer.body).toEqual({ error: expect.any(String) });
          return;
        }
        expect(answer.body).toEqual({
          errors: expect.arrayContaining([
            { code: expect.any(Number), title: expect.stringMatching(/^CF-\w+$/), detail: expect.any(String) },
          ]),
        });
      }),
      { numRuns: RUNS },
    );
  });
});
