import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { errorOf } from '../../testing/client.ts';
import { createApp, createRoute } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);

  describe('routes', () => {
    test('lead to apps, and running processes follow', async () => {
      const app = await createApp(suite.api.admin, suite.spaceGuid);
      await suite.assign(app, await suite.stage(app));
      await suite.api.admin.post(`/v3/apps/${app}/actions/start`);
      const route = await createRoute(suite.api.admin, suite.spaceGuid, 'Shop');
      const shown = await suite.api.admin.get(`/v3/routes/${route}`);
      expect(shown.body).toMatchObject({
        host: 'shop',
        path: '',
        url: 'shop.apps.localhost',
        port: null,
        destinations: [],
      });
      const mapped = await suite.api.admin.post(`/v3/routes/${route}/destinations`, {
        destinations: [{ app: { guid: app } }],
      });
      expect(mapped.body.destinations).toMatchObject([
        { app: { guid: app, process: { type: 'web' } }, port: 8080, protocol: 'http1', weight: null },
      ]);
      const [before] = await suite.lrpsOf(app);
      expect(before?.state.routes).toMatchObject([{ url: 'shop.apps.localhost', port: null }]);

      // Once more is no news.
      await suite.api.admin.post(`/v3/routes/${route}/destinations`, { destinations: [{ app: { guid: app } }] });
      expect((await suite.api.admin.get(`/v3/routes/${route}/destinations`)).body.destinations).toHaveLength(1);

      // A port that the LRP has needs no new version, another one does.
      await suite.api.admin.post(`/v3/routes/${route}/destinations`, {
        destinations: [{ app: { guid: app }, port: 9090 }],
      });
      expect((await suite.lrpsOf(app))[0]?.version).toBe(before?.version);
      await suite.api.admin.patch(`/v3/routes/${route}/destinations`, {
        destinations: [{ app: { guid: app }, port: 5000 }],
      });
      const [after] = await suite.lrpsOf(app);
      expect(after?.version).not.toBe(before?.version);
      expect(after?.runInfo.ports).toEqual([5000]);
      expect((await suite.api.admin.get(`/v3/apps/${app}/routes`)).body.resources).toMatchObject([{ guid: route }]);

      const [destination] = (await suite.api.admin.get(`/v3/routes/${route}/destinations`)).body.destinations;
      const unmapped = await suite.api.admin.delete(`/v3/routes/${route}/destinations/${destination.guid}`);
      expect(unmapped.status).toBe(204);
      expect((await suite.lrpsOf(app))[0]?.state.routes).toEqual([]);
    });

    test('are found by host, also by none, and by path', async () => {
      await createRoute(suite.api.admin, suite.spaceGuid, 'found');
      const { body: domains } = await suite.api.admin.get('/v3/domains?names=apps.localhost&page=1&per_page=1');
      const domain = domains.resources[0].guid;
      const find = async (query: string): Promise<number> =>
        (await suite.api.admin.get(`/v3/routes?domain_guids=${domain}&${query}`)).body.resources.length;
      expect(await find('hosts=found&paths=')).toBe(1);
      expect(await find('hosts=FOUND')).toBe(1);
      expect(await find('hosts=')).toBe(0);
      expect(await find('hosts=found&paths=/x')).toBe(0);
    });

    test.each([
      ['dup', '', "Route already exists with host 'dup' for domain 'apps.localhost'."],
      ['api', '', 'Route conflicts with a reserved system route.'],
      ['', '', 'Missing host. Routes in shared domains must have a host defined.'],
      ['a.b', '', 'Host must be either'],
      ['x', 'nope', 'Path must start with a slash'],
      ['x', '/a?b', "Path cannot contain '?'"],
    ])('host %j with path %j: %s', async (host, path, detail) => {
      const { body: domains } = await suite.api.admin.get('/v3/domains');
      const body = {
        host,
        path,
        relationships: {
          space: { data: { guid: suite.spaceGuid } },
          domain: { data: { guid: domains.resources[0].guid } },
        },
      };
      if (host === 'dup') await suite.api.admin.post('/v3/routes', body);
      expect(errorOf(await suite.api.admin.post('/v3/routes', body)).detail).toContain(detail);
    });

    test('change the protocol of a destination, and what runs follows', async () => {
      const app = await createApp(suite.api.admin, suite.spaceGuid);
      await suite.assign(app, await suite.stage(app));
      await suite.api.admin.post(`/v3/apps/${app}/actions/start`);
      const route = await createRoute(suite.api.admin, suite.spaceGuid, 'grpc');
      const { body } = await suite.api.admin.post(`/v3/routes/${route}/destinations`, {
        destinations: [{ app: { guid: app } }],
      });
      const path = `/v3/routes/${route}/destinations/${body.destinations[0].guid}`;
      const changed = await suite.api.admin.patch(path, { protocol: 'http2' });
      expect(changed.body).toMatchObject({ guid: body.destinations[0].guid, protocol: 'http2' });
      expect((await suite.lrpsOf(app))[0]?.state.routes).toMatchObject([{ protocol: 'http2' }]);
      expect((await suite.api.admin.patch(path, { protocol: null })).body.protocol).toBe('http1');
      expect((await suite.api.admin.patch(path, { protocol: 'tcp' })).status).toBe(422);
      const none = await suite.api.admin.patch(`/v3/routes/${route}/destinations/none`, { protocol: 'http1' });
      expect(errorOf(none).detail).toBe('Destination not found');
    });

    test('whoever asks for http2 is told that apps get HTTP/1.1', async () => {
      const app = await createApp(suite.api.admin, suite.spaceGuid);
      const route = await createRoute(suite.api.admin, suite.spaceGuid, 'two');
      const map = (protocol: string) =>
        suite.api.admin.post(`/v3/routes/${route}/destinations`, { destinations: [{ app: { guid: app }, protocol }] });
      expect((await map('http1')).headers['x-cf-warnings']).toBeUndefined();
      const warning = decodeURIComponent(String((await map('http2')).headers['x-cf-warnings']));
      expect(warning).toContain('The router speaks HTTP/1.1 to apps');
    });

    test('have options, which are merged, and hash only where its feature flag is on', async () => {
      const { admin } = suite.api;
      const route = await createRoute(admin, suite.spaceGuid, 'balanced');
      const { body } = await admin.get(`/v3/routes/${route}`);
      expect(body.options).toEqual({});
      const patch = (options: unknown) => admin.patch(`/v3/routes/${route}`, { options });
      expect((await patch({ loadbalancing: 'least-connection' })).body.options).toEqual({
        loadbalancing: 'least-connection',
      });
      const refused = await patch({ loadbalancing: 'hash', hash_header: 'X-Tenant' });
      expect(refused.status).toBe(422);
      expect(refused.text).toContain('Options Loadbalancing must be one of');
      await admin.patch('/v3/feature_flags/hash_based_routing', { enabled: true });
      expect(errorOf(await patch({ loadbalancing: 'hash' })).detail).toBe(
        'Hash header must be present when loadbalancing is set to hash.',
      );
      const hash = { loadbalancing: 'hash', hash_header: 'X-Tenant', hash_balance: '1.5' };
      expect((await patch({ ...hash, hash_balance: 1.5 })).body.options).toEqual(hash);
      expect((await patch({ hash_balance: null })).body.options).toEqual({
        loadbalancing: 'hash',
        hash_header: 'X-Tenant',
      });
      expect((await patch({ loadbalancing: 'round-robin' })).body.options).toEqual({ loadbalancing: 'round-robin' });
      await admin.patch('/v3/feature_flags/hash_based_routing', { enabled: false });
      const made = await admin.post('/v3/routes', {
        host: 'born-balanced',
        options: { loadbalancing: 'round-robin' },
        relationships: body.relationships,
      });
      expect(made.status).toBe(201);
      expect(made.body.options).toEqual({ loadbalancing: 'round-robin' });
    });

    test('are deleted with a job', async () => {
      const route = await createRoute(suite.api.admin, suite.spaceGuid, 'gone');
      const answer = await suite.api.admin.delete(`/v3/routes/${route}`);
      expect(answer.status).toBe(202);
      expect(errorOf(await suite.api.admin.get(`/v3/routes/${route}`)).detail).toBe('Route not found');
    });
  });
});
