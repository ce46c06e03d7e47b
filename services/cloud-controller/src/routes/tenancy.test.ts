import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { errorOf } from '../../testing/client.ts';
import { createApp, createRoute, createSpace } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);

  describe('organizations and spaces', () => {
    test('are created, found by name, shown and deleted', async () => {
      const created = await suite.api.admin.post('/v3/organizations', {
        name: 'acme',
        metadata: { labels: { tier: 'gold' } },
      });
      expect(created.status).toBe(201);
      expect(created.headers.location).toBeUndefined();
      expect(created.body).toMatchObject({
        name: 'acme',
        suspended: false,
        metadata: { labels: { tier: 'gold' }, annotations: {} },
        links: { self: { href: `http://localhost:8080/v3/organizations/${created.body.guid}` } },
      });
      const found = await suite.api.admin.get('/v3/organizations?names=ACME&order_by=name');
      expect(found.body.resources).toEqual([created.body]);
      expect(found.body.pagination).toMatchObject({ total_results: 1, total_pages: 1, next: null, previous: null });

      const space = await suite.api.admin.post('/v3/spaces', {
        name: 'dev',
        relationships: { organization: { data: { guid: created.body.guid } } },
      });
      expect(space.status).toBe(201);
      const spaces = await suite.api.admin.get(`/v3/spaces?names=dev&organization_guids=${created.body.guid}`);
      expect(spaces.body.resources).toEqual([space.body]);

      const deleted = await suite.api.admin.delete(`/v3/organizations/${created.body.guid}`);
      expect(deleted.status).toBe(202);
      const job = await suite.api.admin.get(new URL(String(deleted.headers.location)).pathname);
      expect(job.body).toMatchObject({ state: 'COMPLETE', operation: 'organization.delete', errors: [], warnings: [] });
      expect(errorOf(await suite.api.admin.get(`/v3/organizations/${created.body.guid}`)).detail).toBe(
        'Organization not found',
      );
      expect(errorOf(await suite.api.admin.get(`/v3/spaces/${space.body.guid}`)).detail).toBe('Space not found');
    });

    test('take what runs in them along when they go', async () => {
      const { organizationGuid: organization, spaceGuid: space } = await createSpace(suite.api.admin);
      const app = await createApp(suite.api.admin, space);
      await suite.assign(app, await suite.stage(app));
      const route = await createRoute(suite.api.admin, space, 'going');
      await suite.api.admin.post(`/v3/routes/${route}/destinations`, { destinations: [{ app: { guid: app } }] });
      await suite.api.admin.post(`/v3/apps/${app}/actions/start`);
      expect(await suite.lrpsOf(app)).toHaveLength(1);
      expect((await suite.api.admin.delete(`/v3/spaces/${space}`)).status).toBe(202);
      expect(await suite.lrpsOf(app)).toEqual([]);
      for (const path of [`/v3/spaces/${space}`, `/v3/apps/${app}`, `/v3/routes/${route}`]) {
        expect((await suite.api.admin.get(path)).status).toBe(404);
      }
      expect((await suite.api.admin.delete(`/v3/organizations/${organization}`)).status).toBe(202);
      const metadata = await suite.api.db
        .selectFrom('metadata_entries')
        .selectAll()
        .where('resource_guid', '=', app)
        .execute();
      expect(metadata).toEqual([]);
    });

    test('allow SSH until somebody says otherwise', async () => {
      const { spaceGuid } = await createSpace(suite.api.admin);
      const path = `/v3/spaces/${spaceGuid}/features/ssh`;
      expect((await suite.api.admin.get(path)).body).toMatchObject({ name: 'ssh', enabled: true });
      expect((await suite.api.admin.patch(path, { enabled: false })).body.enabled).toBe(false);
      expect((await suite.api.admin.get(path)).body.enabled).toBe(false);
      expect((await suite.api.admin.patch(path, { enabled: true })).body.enabled).toBe(true);
      expect((await suite.api.admin.get(`/v3/spaces/${spaceGuid}/features`)).body.resources).toHaveLength(1);
      expect((await suite.api.admin.get(`/v3/spaces/${spaceGuid}/features/none`)).status).toBe(404);
    });

    test('are renamed, labelled and suspended', async () => {
      const { organizationGuid, spaceGuid } = await createSpace(suite.api.admin, 'before');
      const renamed = await suite.api.admin.patch(`/v3/organizations/${organizationGuid}`, {
        name: 'after-org',
        suspended: true,
        metadata: { labels: { env: 'prod' } },
      });
      expect(renamed.body).toMatchObject({
        name: 'after-org',
        suspended: true,
        metadata: { labels: { env: 'prod' } },
      });
      const space = await suite.api.admin.patch(`/v3/spaces/${spaceGuid}`, { name: 'after' });
      expect(space.body).toMatchObject({ name: 'after', guid: spaceGuid });
      const unlabelled = await suite.api.admin.patch(`/v3/organizations/${organizationGuid}`, {
        metadata: { labels: { env: null } },
      });
      expect(unlabelled.body).toMatchObject({ name: 'after-org', suspended: true, metadata: { labels: {} } });
      await suite.api.admin.post('/v3/organizations', { name: 'there' });
      const taken = await suite.api.admin.patch(`/v3/organizations/${organizationGuid}`, { name: 'There' });
      expect(errorOf(taken)).toMatchObject({ status: 422, detail: "Organization 'There' already exists." });
    });

    test('have unique names, in the words that the cf CLI looks for', async () => {
      await suite.api.admin.post('/v3/organizations', { name: 'twice' });
      const again = await suite.api.admin.post('/v3/organizations', { name: 'Twice' });
      expect(errorOf(again)).toMatchObject({ status: 422, detail: "Organization 'Twice' already exists." });
      const body = { name: 'same', relationships: { organization: { data: { guid: suite.organizationGuid } } } };
      await suite.api.admin.post('/v3/spaces', body);
      expect(errorOf(await suite.api.admin.post('/v3/spaces', body)).detail).toBe(
        'Name must be unique per organization',
      );
    });

    test('have a default domain and a quota without limits', async () => {
      const domain = await suite.api.admin.get(`/v3/organizations/${suite.organizationGuid}/domains/default`);
      expect(domain.body).toMatchObject({ name: 'apps.localhost', internal: false, supported_protocols: ['http'] });
      const { body } = await suite.api.admin.get(`/v3/organizations/${suite.organizationGuid}`);
      const quota = await suite.api.admin.get(`/v3/organization_quotas/${body.relationships.quota.data.guid}`);
      expect(quota.body).toMatchObject({
        name: 'default',
        apps: { total_memory_in_mb: null },
        services: { paid_services_allowed: true },
      });
      expect(quota.body.relationships.organizations.data).toContainEqual({ guid: suite.organizationGuid });
    });
  });
});
