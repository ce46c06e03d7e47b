import { AccessTokens, createLogger } from '@slipway/service-kit';
import type { FastifyInstance } from 'fastify';
import { describe, expect, onTestFinished, test } from 'vitest';
import { LogAccess } from '../adapters/cloud-controller/log-access.ts';
import { checkToken } from '../adapters/uaa/token-verifier.ts';
import { LogStore } from '../domain/log-store.ts';
import { type Partners, startPartners } from '../partners.test-support.ts';
import { createApi } from './api.ts';

interface Setup {
  readonly api: FastifyInstance;
  readonly partners: Partners;
  readonly store: LogStore;
  readonly gauges: LogStore;
  readonly clock: { now: number };
  readonly get: (
    path: string,
    token?: string,
  ) => Promise<{ status: number; body: unknown; headers: Record<string, unknown> }>;
}

async function setUp(whenRead?: () => Promise<LogStore | undefined>): Promise<Setup> {
  const partners = await startPartners();
  const clock = { now: Date.now() };
  const logger = createLogger('log-cache', 'silent');
  const store = new LogStore({ linesPerSource: 2_000, bytesPerSource: 200_000_000, bytes: 400_000_000 });
  const gauges = new LogStore({ linesPerSource: 100, bytesPerSource: 100_000, bytes: 100_000 });
  const tokens = new AccessTokens({ uaaUrl: partners.uaaUrl, logger, now: () => clock.now });
  const access = new LogAccess(partners.url, () => clock.now);
  const api = createApi({
    whenRead: whenRead ?? (async () => store),
    gauges,
    checkToken: (authorization) => checkToken(tokens, authorization),
    checkAccess: (sourceId, caller) => access.check(sourceId, caller),
    onRead: () => undefined,
    logger,
  });
  onTestFinished(() => api.close());
  return {
    api,
    partners,
    store,
    gauges,
    clock,
    get: async (path, token) => {
      const headers = token === undefined ? {} : { authorization: `bearer ${token}` };
      const response = await api.inject({ path, headers });
      return { status: response.statusCode, body: response.json(), headers: response.headers };
    },
  };
}

const admin = { user_id: 'admin', scope: ['openid', 'cloud_controller.admin'] };
const developer = { user_id: 'dev', scope: ['cloud_controller.read'] };

function put(store: LogStore, sourceId: string, timestamp: number, text = `line ${timestamp}`): void {
  store.put({
    timestamp: timestamp.toString(),
    sourceId,
    instanceId: '0',
    sourceType: 'APP/PROC/WEB',
    stream: 'OUT',
    payload: Buffer.from(text).toString('base64'),
    tags: { process_id: 'p' },
  });
}

test('info needs no token and names a version that clients take for the new paths', async () => {
  const { get } = await setUp();
  const { status, body } = await get('/api/v1/info');
  expect(status).toBe(200);
  expect(body).toEqual({
    version: expect.stringMatching(/^[2-9]\.\d+\.\d+$/),
    vm_uptime: expect.stringMatching(/^\d+$/),
  });
});

describe('read', () => {
  test('gives what instances use beside their lines, or alone', async () => {
    const { get, partners, store, gauges } = await setUp();
    put(store, 'app-1', 1);
    put(store, 'app-1', 3);
    gauges.add('app-1', 2n, 'GAUGE', (time) => JSON.stringify({ timestamp: time.toString(), gauge: { metrics: {} } }));
    const token = await partners.token(admin);
    const timesOf = async (query: string): Promise<unknown[]> => {
      const { body } = await get(`/api/v1/read/app-1${query}`, token);
      return (body as { envelopes: { batch: { timestamp: string }[] } }).envelopes.batch.map((one) => one.timestamp);
    };
    expect(await timesOf('')).toEqual(['1', '2', '3']);
    expect(await timesOf('?envelope_types=GAUGE')).toEqual(['2']);
    expect(await timesOf('?envelope_types=LOG')).toEqual(['1', '3']);
    expect(await timesOf('?name_filter=memory')).toEqual(['2']);
    expect((await get('/api/v1/read/app-1?name_filter=(a*)*', token)).status).toBe(400);
  });

  test('gives envelopes in the shape that go-log-cache parses', async () => {
    const { get, store, partners } = await setUp();
    put(store, 'app-1', 5, 'hello');
    const { status, body, headers } = await get('/api/v1/read/app-1?start_time=0', await partners.token(admin));
    expect(status).toBe(200);
    expect(headers['content-type']).toMatch(/^application\/json/);
    expect(body).toEqual({
      envelopes: {
        batch: [
          {
            timestamp: '5',
            source_id: 'app-1',
            instance_id: '0',
            deprecated_tags: {},
            tags: { process_id: 'p', source_type: 'APP/PROC/WEB' },
            log: { payload: 'aGVsbG8=', type: 'OUT' },
          },
        ],
      },
    });
  });

  test('of a source without lines is an empty batch, not an error', async () => {
    const { get, partners } = await setUp();
    const { status, body } = await get('/api/v1/read/app-1', await partners.token(admin));
    expect([status, body]).toEqual([200, { envelopes: { batch: [] } }]);
  });

  test('obeys range, order, limit and repeated types', async () => {
    const { get, store, partners } = await setUp();
    for (let n = 1; n <= 5; n++) put(store, 'app-1', n);
    const token = await partners.token(admin);
    const times = async (query: string): Promise<string[]> => {
      const { body } = await get(`/api/v1/read/app-1?${query}`, token);
      return (body as { envelopes: { batch: { timestamp: string }[] } }).envelopes.batch.map((e) => e.timestamp);
    };
    expect(await times('start_time=2&end_time=4')).toEqual(['2', '3']);
    expect(await times('start_time=-6795364578871345152&limit=2&descending=true&envelope_types=LOG')).toEqual([
      '5',
      '4',
    ]);
    expect(await times('envelope_types=GAUGE&envelope_types=LOG&limit=1')).toEqual(['1']);
    expect(await times('envelope_types=GAUGE')).toEqual([]);
  });

  test('refuses a query that does not parse, as the gateway does', async () => {
    const { get, partners } = await setUp();
    const { status, body } = await get('/api/v1/read/app-1?limit=1001', await partners.token(admin));
    expect([status, body]).toEqual([400, { code: 3, message: 'limit (1001) must be 1000 or less', details: [] }]);
  });

  test('of more than a response may hold: a page when going forward, 429 when going back', async () => {
    const { get, store, partners } = await setUp();
    const long = 'x'.repeat(61_440);
    for (let n = 1; n <= 400; n++) put(store, 'app-1', n, long);
    const token = await partners.token(admin);
    const forward = await get('/api/v1/read/app-1?limit=1000', token);
    const page = (forward.body as { envelopes: { batch: { timestamp: string }[] } }).envelopes.batch;
    expect(page.length).toBeGreaterThan(100);
    expect(page.length).toBeLessThan(400);
    const next = await get(`/api/v1/read/app-1?limit=1000&start_time=${Number(page.at(-1)?.timestamp) + 1}`, token);
    expect((next.body as { envelopes: { batch: unknown[] } }).envelopes.batch).toHaveLength(400 - page.length);
    expect((await get('/api/v1/read/app-1?limit=1000&descending=true', token)).status).toBe(429);
    expect((await get('/api/v1/read/app-1?limit=100&descending=true', token)).status).toBe(200);
  });

  test('before the stream was read is 503, never an empty answer', async () => {
    const { get, partners } = await setUp(async () => undefined);
    const { status, headers } = await get('/api/v1/read/app-1', await partners.token(admin));
    expect([status, headers['retry-after']]).toEqual([503, '1']);
  });
});

describe('who may read', () => {
  test.each([['logs.admin'], ['doppler.firehose'], ['cloud_controller.admin']])('%s reads all', async (scope) => {
    const { get, partners } = await setUp();
    expect((await get('/api/v1/read/app-1', await partners.token({ scope: [scope] }))).status).toBe(200);
    expect(partners.requests).toEqual(['GET /uaa/token_keys']);
  });

  test('others read what cloud-controller allows them, asked with their own token and not each time', async () => {
    const { get, partners, clock } = await setUp();
    partners.access.set('dev app-1', 200);
    const token = await partners.token(developer);
    const asked = (): number => partners.requests.filter((r) => r === 'GET /internal/v4/log_access/app-1').length;
    for (let i = 0; i < 3; i++) expect((await get('/api/v1/read/app-1', token)).status).toBe(200);
    expect(asked()).toBe(1);
    expect((await get('/api/v1/read/app-2', token)).status).toBe(404);

    partners.access.delete('dev app-1');
    clock.now += 31_000;
    expect((await get('/api/v1/read/app-1', token)).status).toBe(404);
    expect(asked()).toBe(2);

    partners.access.set('dev app-1', 200);
    clock.now += 3_000;
    expect((await get('/api/v1/read/app-1', token)).status).toBe(200);
  });

  test('one caller is not let in by the answer for another', async () => {
    const { get, partners } = await setUp();
    partners.access.set('dev app-1', 200);
    expect((await get('/api/v1/read/app-1', await partners.token(developer))).status).toBe(200);
    expect((await get('/api/v1/read/app-1', await partners.token({ ...developer, user_id: 'x' }))).status).toBe(404);
  });

  test('without a good token everything is 404, and cloud-controller is not asked', async () => {
    const { get, partners, api } = await setUp();
    const good = await partners.token(admin);
    const [head, body] = good.split('.');
    const tokens = {
      none: undefined,
      garbage: 'garbage',
      expired: await partners.token(admin, { expiresIn: '-2m' }),
      'other algorithm': await partners.token(admin, { algorithm: 'PS256' }),
      'unknown key': await partners.token(admin, { keyId: 'nobody' }),
      unsigned: `${Buffer.from('{"alg":"none","kid":"key-1"}').toString('base64url')}.${body}.`,
      'signature cut off': `${head}.${body}.`,
      'no jti': await partners.token({ ...admin, jti: undefined }),
    };
    for (const [name, token] of Object.entries(tokens)) {
      expect([name, (await get('/api/v1/read/app-1', token)).status]).toEqual([name, 404]);
      expect([name, (await get('/api/v1/meta', token)).status]).toEqual([name, 404]);
    }
    const basic = await api.inject({ path: '/api/v1/read/app-1', headers: { authorization: `Basic ${good}` } });
    expect(basic.statusCode).toBe(404);
    expect(partners.requests.filter((r) => r.includes('log_access'))).toEqual([]);
    expect((await get('/api/v1/read/app-1', good)).status).toBe(200);
  });

  test('a source id that names no source never reaches cloud-controller', async () => {
    const { get, partners } = await setUp();
    const token = await partners.token(developer);
    for (const id of ['..%2F..%2Fv3%2Fapps', 'a%20b', 'x'.repeat(65), '%00']) {
      expect([id, (await get(`/api/v1/read/${id}`, token)).status]).toEqual([id, 404]);
    }
    expect(partners.requests).toEqual(['GET /uaa/token_keys']);
  });

  test('a key that uaa has since made is fetched, and old ones go on while uaa is away', async () => {
    const { get, partners, clock } = await setUp();
    const old = await partners.token(admin);
    expect((await get('/api/v1/read/app-1', old)).status).toBe(200);
    await partners.rotate();
    clock.now += 2_000;
    expect((await get('/api/v1/read/app-1', await partners.token(admin))).status).toBe(200);
    partners.broken = true;
    clock.now += 3_600_000;
    expect((await get('/api/v1/read/app-1', old)).status).toBe(200);
  });

  test('made-up key ids do not make it ask uaa each time', async () => {
    const { get, partners } = await setUp();
    for (let i = 0; i < 20; i++) await get('/api/v1/read/a', await partners.token(admin, { keyId: `made-up-${i}` }));
    expect(partners.requests).toEqual(['GET /uaa/token_keys']);
  });

  test('when nobody can tell, the answer is 503', async () => {
    const { get, partners } = await setUp();
    partners.access.set('dev app-1', 500);
    const token = await partners.token(developer);
    expect((await get('/api/v1/read/app-1', token)).status).toBe(503);
    partners.access.set('dev app-1', 200);
    expect((await get('/api/v1/read/app-1', token)).status).toBe(200);

    const fresh = await setUp();
    fresh.partners.broken = true;
    expect((await fresh.get('/api/v1/read/app-1', await fresh.partners.token(admin))).status).toBe(503);
  });
});

describe('meta', () => {
  test('tells an admin of all sources, with what was dropped', async () => {
    const { get, store, partners } = await setUp();
    for (let n = 1; n <= 2_003; n++) put(store, 'app-1', n);
    put(store, 'app-2', 7);
    const { status, body } = await get('/api/v1/meta', await partners.token(admin));
    expect([status, body]).toEqual([
      200,
      {
        meta: {
          'app-1': { count: '2000', expired: '3', oldestTimestamp: '4', newestTimestamp: '2003' },
          'app-2': { count: '1', oldestTimestamp: '7', newestTimestamp: '7' },
        },
      },
    ]);
  });

  test('tells others of what they may read', async () => {
    const { get, store, partners } = await setUp();
    for (let n = 0; n < 50; n++) put(store, `app-${n}`, 1);
    for (const n of [3, 30, 49]) partners.access.set(`dev app-${n}`, 200);
    const { body } = await get('/api/v1/meta', await partners.token(developer));
    expect(Object.keys((body as { meta: object }).meta).toSorted()).toEqual(['app-3', 'app-30', 'app-49']);
  });

  test('says nothing rather than half when cloud-controller cannot be asked', async () => {
    const { get, store, partners } = await setUp();
    for (let n = 0; n < 20; n++) put(store, `app-${n}`, 1);
    partners.access.set('dev app-7', 503);
    expect((await get('/api/v1/meta', await partners.token(developer))).status).toBe(503);
  });
});

test.each(['/api/v1/query?query=cpu', '/api/v1/query_range?query=cpu&start=1&end=2&step=1'])(
  '%s says what to use instead, in words that clients show, and nothing to strangers',
  async (path) => {
    const { get, partners } = await setUp();
    expect((await get(path)).status).toBe(404);
    const { status, body } = await get(path, await partners.token(developer));
    expect(status).toBe(400);
    expect(body).toEqual({ status: 'error', errorType: 'bad_data', error: expect.stringContaining('cf app') });
  },
);

test('what does not exist is a JSON 404', async () => {
  const { get } = await setUp();
  const { status, body } = await get('/api/v1/nothing');
  expect([status, body]).toEqual([404, { code: 5, message: 'Not Found', details: [] }]);
});
