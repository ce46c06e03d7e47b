import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { errorOf } from '../../testing/client.ts';
import { createApp, createRoute, createSpace } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);
  const owner = (guid: string) => ({ relationships: { organization: { data: { guid } } } });
  const make = (name: string, more: object = {}) => suite.api.admin.post('/v3/domains', { name, ...more });
  const addRoute = async (spaceGuid: string, domainGuid: string, host?: string) =>
    suite.api.admin.post('/v3/routes', {
      ...(host === undefined ? {} : { host }),
      relationships: { space: { data: { guid: spaceGuid } }, domain: { data: { guid: domainGuid } } },
    });

  describe('domains', () => {
    test('shared and private ones are made, labelled, and deleted with their routes', async () => {
      const { organizationGuid, spaceGuid } = await createSpace(suite.api.admin);
      const shared = await make('Shared.Example.com', { internal: false });
      expect(shared.body).toMatchObject({
        name: 'shared.example.com',
        internal: false,
        relationships: { organization: { data: null } },
      });
      const own = await make('own.example.org', owner(organizationGuid));
      expect(own.body.relationships.organization.data).toEqual({ guid: organizationGuid });
      const { body: mine } = await suite.api.admin.get(
        `/v3/organizations/${organizationGuid}/domains?names=own.example.org`,
      );
      expect(mine.resources).toHaveLength(1);
      const labelled = await suite.api.admin.patch(`/v3/domains/${own.body.guid}`, {
        metadata: { labels: { a: 'b' } },
      });
      expect(labelled.body.metadata.labels).toEqual({ a: 'b' });

      const route = await addRoute(spaceGuid, own.body.guid);
      expect(route.body.url).toBe('own.example.org');
      const app = await createApp(suite.api.admin, spaceGuid);
      await suite.assign(app, await suite.stage(app));
      await suite.api.admin.post(`/v3/apps/${app}/actions/start`);
      await suite.api.admin.post(`/v3/routes/${route.body.guid}/destinations`, {
        destinations: [{ app: { guid: app } }],
      });
      expect((await suite.lrpsOf(app))[0]?.state.routes).toMatchObject([{ url: 'own.example.org' }]);
      expect((await suite.api.admin.delete(`/v3/domains/${own.body.guid}`)).status).toBe(202);
      expect((await suite.api.admin.get(`/v3/routes/${route.body.guid}`)).status).toBe(404);
      expect((await suite.lrpsOf(app))[0]?.state.routes).toEqual([]);
      expect(errorOf(await suite.api.admin.delete(`/v3/domains/${own.body.guid}`)).detail).toBe('Domain not found');
    });

    test("do not take what is another's", async () => {
      const one = await createSpace(suite.api.admin);
      const two = await createSpace(suite.api.admin);
      await make('tenant.test', owner(one.organizationGuid));
      const detail = async (name: string, more: object) => errorOf(await make(name, more)).detail;
      expect(await detail('tenant.test', owner(two.organizationGuid))).toBe(
        'The domain name "tenant.test" is already in use',
      );
      expect(await detail('sub.tenant.test', owner(two.organizationGuid))).toBe(
        'The domain name "sub.tenant.test" cannot be created because "tenant.test" is already reserved by another domain',
      );
      await make('deep.other.test', owner(one.organizationGuid));
      expect(await detail('other.test', owner(two.organizationGuid))).toContain(
        '"deep.other.test" is already reserved',
      );
      expect((await make('sub.tenant.test', owner(one.organizationGuid))).status).toBe(201);
      await createRoute(suite.api.admin, one.spaceGuid, 'mapped');
      expect(await detail('mapped.apps.localhost', owner(two.organizationGuid))).toContain(
        'already reserved by a route',
      );
      expect(await detail('api.apps.localhost', owner(two.organizationGuid))).toContain('reserved by the platform');
      expect(await detail('localhost', {})).toBe("Name must contain at least one '.'");
      expect(await detail('in.ternal', { internal: true, ...owner(one.organizationGuid) })).toBe(
        'Cannot associate an internal domain with an organization',
      );
      expect(await detail('tcp.test', { router_group: { guid: 'x' } })).toContain('routes are http only');
    });

    test('are as many as the quota allows, and private ones can be switched off', async () => {
      const { organizationGuid } = await createSpace(suite.api.admin);
      await suite.api.admin.post('/v3/organization_quotas', {
        name: 'one-domain',
        domains: { total_domains: 1 },
        relationships: { organizations: { data: [{ guid: organizationGuid }] } },
      });
      expect((await make('first.quota.test', owner(organizationGuid))).status).toBe(201);
      expect(errorOf(await make('second.quota.test', owner(organizationGuid))).detail).toContain('exceeds the quota');
      const manager = suite.issuer.addUser('domain-manager');
      await suite.api.admin.post('/v3/roles', {
        type: 'organization_manager',
        relationships: {
          user: { data: { username: 'domain-manager' } },
          organization: owner(organizationGuid).relationships.organization,
        },
      });
      const scopes = ['cloud_controller.read', 'cloud_controller.write'];
      const client = suite.api.as(await suite.issuer.token({ userGuid: manager, scopes }));
      const flag = (enabled: boolean) =>
        suite.api.admin.patch('/v3/feature_flags/private_domain_creation', { enabled });
      await flag(false);
      try {
        const refused = await client.post('/v3/domains', { name: 'x.flag.test', ...owner(organizationGuid) });
        expect(errorOf(refused).title).toBe('CF-FeatureDisabled');
      } finally {
        await flag(true);
      }
      expect((await client.post('/v3/domains', { name: 'shared.flag.test' })).status).toBe(403);
    });
  });

  describe('internal domains', () => {
    test('have routes that the router is not told of', async () => {
      const { spaceGuid } = await createSpace(suite.api.admin);
      const { body: domain } = await make('cluster.internal', { internal: true });
      expect(domain.internal).toBe(true);
      expect(await suite.outbox()).toContain('network internal-domain.cluster.internal');
      const app = await createApp(suite.api.admin, spaceGuid);
      await suite.assign(app, await suite.stage(app));
      await suite.api.admin.post(`/v3/apps/${app}/actions/start`);
      const { body: route } = await addRoute(spaceGuid, domain.guid, 'backend');
      const mapped = await suite.api.admin.post(`/v3/routes/${route.guid}/destinations`, {
        destinations: [{ app: { guid: app } }],
      });
      expect(mapped.status).toBe(200);
      expect((await suite.lrpsOf(app))[0]?.state).toMatchObject({
        routes: [],
        internalHosts: ['backend.cluster.internal'],
      });
      const refused = await suite.api.admin.post('/v3/routes', {
        host: '*',
        path: '/x',
        relationships: { space: { data: { guid: spaceGuid } }, domain: { data: { guid: domain.guid } } },
      });
      expect(errorOf(refused).detail).toBe(
        'Wildcard hosts are not supported for internal domains., Paths are not supported for internal domains.',
      );
    });
  });

  describe('routes of a domain', () => {
    test('are checked for, and those without app are deleted together', async () => {
      const { spaceGuid } = await createSpace(suite.api.admin);
      const other = await createSpace(suite.api.admin);
      const { body: domain } = await make('checked.test');
      const taken = async (query: string): Promise<boolean> =>
        (await suite.api.admin.get(`/v3/domains/${domain.guid}/route_reservations?${query}`)).body.matching_route;
      const { body: kept } = await addRoute(spaceGuid, domain.guid, 'kept');
      const { body: orphan } = await addRoute(spaceGuid, domain.guid, 'orphan');
      await addRoute(other.spaceGuid, domain.guid, 'elsewhere');
      expect(await taken('host=Kept')).toBe(true);
      expect(await taken('host=kept&path=/x')).toBe(false);
      expect(await taken('host=none')).toBe(false);
      const app = await createApp(suite.api.admin, spaceGuid);
      await suite.api.admin.post(`/v3/routes/${kept.guid}/destinations`, { destinations: [{ app: { guid: app } }] });
      expect((await suite.api.admin.delete(`/v3/spaces/${spaceGuid}/routes`)).status).toBe(400);
      expect((await suite.api.admin.delete(`/v3/spaces/${spaceGuid}/routes?unmapped=true`)).status).toBe(202);
      expect((await suite.api.admin.get(`/v3/routes/${orphan.guid}`)).status).toBe(404);
      expect(await taken('host=kept')).toBe(true);
      expect(await taken('host=elsewhere')).toBe(true);
      const labelled = await suite.api.admin.patch(`/v3/routes/${kept.guid}`, { metadata: { labels: { a: 'b' } } });
      expect(labelled.body.metadata.labels).toEqual({ a: 'b' });
    });
  });
});
