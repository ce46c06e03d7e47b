import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { permissionMatrix } from '../../testing/permission-matrix.ts';
import { permissionRequests, requestFor } from '../../testing/permission-requests.ts';
import { startTestApi, type TestApi } from '../../testing/test-api.ts';
import { engines, type TestDatabase } from '../../testing/test-database.ts';
import { startTokenIssuer, type TokenIssuer } from '../../testing/token-issuer.ts';
import { fillPath, holders, seedWorld, type World } from '../../testing/world.ts';

const rows = permissionMatrix();
const endpoints = rows.map(({ endpoint }) => endpoint);

describe.each(engines)('who may do what, on $engine', ({ create }) => {
  let issuer: TokenIssuer;
  let database: TestDatabase;
  let api: TestApi;
  let world: World;
  beforeAll(async () => {
    issuer = await startTokenIssuer();
    database = await create();
    api = await startTestApi(database, issuer);
    world = await seedWorld(api, issuer);
  });
  afterAll(async () => {
    await api?.stop();
    await database?.remove();
    await issuer?.stop();
  });

  test('every endpoint is in the matrix, each case once, and nothing else', () => {
    const withoutCase = endpoints.map((endpoint) => endpoint.replace(/ \(.+\)$/, ''));
    expect([...new Set(withoutCase)].toSorted()).toEqual(api.endpoints().toSorted());
    expect(endpoints.filter((endpoint, index) => endpoints.indexOf(endpoint) !== index)).toEqual([]);
    expect(Object.keys(permissionRequests).filter((endpoint) => !endpoints.includes(endpoint))).toEqual([]);
  });

  test.each(rows)('$endpoint', async ({ endpoint, statuses }) => {
    const actual: Record<string, number> = {};
    const unexpected: string[] = [];
    for (const holder of holders) {
      const { path, body, headers } = await requestFor(endpoint, world, statuses[holder] < 300);
      const client = await world.client(holder);
      const answer = await client.send(endpoint.split(' ')[0] ?? '', path, body, headers);
      actual[holder] = answer.status;
      if (answer.status !== statuses[holder])
        unexpected.push(`${holder}: ${answer.status} ${answer.text.slice(0, 200)}`);
    }
    expect(actual, unexpected.join('\n')).toEqual(statuses);
  });

  // What a list has is what one may look at, and the other way round.
  const lists = rows.filter(({ endpoint }) => /^GET \/v3\/\w+$/.test(endpoint) && endpoint !== 'GET /v3/info');
  const single = new Map(endpoints.map((endpoint) => [endpoint, true]));
  test.each(lists.filter(({ endpoint }) => single.has(`${endpoint}/{guid}`)))(
    '$endpoint shows what may be seen, and nothing else',
    async ({ endpoint }) => {
      const path = endpoint.split(' ')[1] ?? '';
      const all = (await api.admin.get(`${path}?per_page=5000`)).body.resources as { guid: string }[];
      expect(all.length).toBeGreaterThan(0);
      // Of many alike the first and the last few.
      const sample = new Set([...all.slice(0, 8), ...all.slice(-8)].map(({ guid }) => guid));
      for (const holder of holders.filter((name) => name !== 'anonymous')) {
        const client = await world.client(holder);
        const listed = (await client.get(`${path}?per_page=5000`)).body.resources as { guid: string }[];
        const seen = new Set(listed.map(({ guid }) => guid));
        for (const guid of sample) {
          const { status } = await client.get(`${path}/${guid}`);
          expect([holder, guid, status]).toEqual([holder, guid, seen.has(guid) ? 200 : 404]);
        }
      }
    },
  );

  test('what is not seen is not told from what is not there', async () => {
    const client = await world.client('nobody');
    const none = '00000000-0000-4000-8000-000000000000';
    for (const { endpoint, statuses } of rows) {
      if (statuses.nobody !== 404 || !endpoint.startsWith('GET') || endpoint.includes('{rest}')) continue;
      const { path } = await requestFor(endpoint, world, false);
      const missing = fillPath(endpoint.split(' ')[1] ?? '', {}, { guid: none });
      expect([endpoint, (await client.get(path)).text]).toEqual([endpoint, (await client.get(missing)).text]);
    }
  });
});
