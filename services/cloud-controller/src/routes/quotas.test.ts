import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { errorOf } from '../../testing/client.ts';
import { createApp, createRoute, createSpace } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);
  const limitOrganization = async (guid: string, limits: Record<string, unknown>): Promise<string> => {
    const created = await suite.api.admin.post('/v3/organization_quotas', {
      name: `quota of ${guid}`,
      ...limits,
      relationships: { organizations: { data: [{ guid }] } },
    });
    expect(created.status).toBe(201);
    return created.body.guid;
  };
  const startedApp = async (spaceGuid: string): Promise<string> => {
    const app = await createApp(suite.api.admin, spaceGuid);
    await suite.assign(app, await suite.stage(app));
    return app;
  };
  const start = (app: string) => suite.api.admin.post(`/v3/apps/${app}/actions/start`);
  const scale = (app: string, body: object) => suite.api.admin.post(`/v3/processes/${app}/actions/scale`, body);

  describe('organization quotas', () => {
    test('are made, changed, applied and deleted', async () => {
      const { organizationGuid } = await createSpace(suite.api.admin);
      const created = await suite.api.admin.post('/v3/organization_quotas', {
        name: 'small',
        apps: { total_memory_in_mb: 512 },
        services: { paid_services_allowed: false },
      });
      expect(created.body).toMatchObject({
        name: 'small',
        apps: { total_memory_in_mb: 512, total_instances: null },
        services: { paid_services_allowed: false, total_service_instances: null },
        routes: { total_routes: null },
        relationships: { organizations: { data: [] } },
      });
      const { guid } = created.body;
      const again = await suite.api.admin.post('/v3/organization_quotas', { name: 'SMALL' });
      expect(errorOf(again)).toMatchObject({ status: 422, detail: "Organization Quota 'SMALL' already exists." });
      const changed = await suite.api.admin.patch(`/v3/organization_quotas/${guid}`, {
        name: 'tiny',
        apps: { total_instances: 2 },
      });
      expect(changed.body).toMatchObject({ name: 'tiny', apps: { total_memory_in_mb: 512, total_instances: 2 } });
      const path = `/v3/organization_quotas/${guid}/relationships/organizations`;
      const applied = await suite.api.admin.post(path, { data: [{ guid: organizationGuid }] });
      expect(applied.body.data).toEqual([{ guid: organizationGuid }]);
      const { body: organization } = await suite.api.admin.get(`/v3/organizations/${organizationGuid}`);
      expect(organization.relationships.quota.data.guid).toBe(guid);
      expect(
        (await suite.api.admin.get(`/v3/organization_quotas?organization_guids=${organizationGuid}`)).body,
      ).toMatchObject({
        resources: [{ guid }],
      });
      expect(errorOf(await suite.api.admin.delete(`/v3/organization_quotas/${guid}`)).status).toBe(422);
      await suite.api.admin.delete(`/v3/organizations/${organizationGuid}`);
      expect((await suite.api.admin.delete(`/v3/organization_quotas/${guid}`)).status).toBe(202);
      expect((await suite.api.admin.post(path, { data: [{ guid: 'none' }] })).status).toBe(404);
    });

    test('bound memory, instances and the size of one', async () => {
      const { organizationGuid, spaceGuid } = await createSpace(suite.api.admin);
      const quota = await limitOrganization(organizationGuid, {
        apps: { total_memory_in_mb: 2048, total_instances: 2, per_process_memory_in_mb: 1024 },
      });
      const [one, two] = [await startedApp(spaceGuid), await startedApp(spaceGuid)];
      expect((await start(one)).status).toBe(200);
      expect(errorOf(await scale(one, { instances: 3 })).detail).toContain('memory quota_exceeded (3072 MB of 2048 MB');
      expect(errorOf(await scale(one, { memory_in_mb: 1025 })).detail).toContain('instance_memory_limit_exceeded');
      expect((await scale(one, { instances: 2 })).status).toBe(202);
      expect(errorOf(await start(two))).toMatchObject({ status: 422, title: 'CF-UnprocessableEntity' });
      expect((await suite.api.admin.get(`/v3/apps/${two}`)).body.state).toBe('STOPPED');
      expect(await suite.lrpsOf(two)).toEqual([]);
      // A stopped app may be set to anything; it is refused when it is to start.
      expect((await scale(two, { instances: 50 })).status).toBe(202);
      // What runs goes on, and may shrink, when the quota is lowered.
      await suite.api.admin.patch(`/v3/organization_quotas/${quota}`, { apps: { total_memory_in_mb: 100 } });
      expect((await suite.api.admin.post(`/v3/apps/${one}/actions/restart`)).status).toBe(200);
      expect((await scale(one, { instances: 1 })).status).toBe(202);
      expect((await scale(one, { instances: 2 })).status).toBe(422);
      const usage = await suite.api.admin.get(`/v3/organizations/${organizationGuid}/usage_summary`);
      expect(usage.body.usage_summary).toMatchObject({ started_instances: 1, memory_in_mb: 1024 });
    });

    test('bound the size of each process, however large another one is that was there before', async () => {
      const { organizationGuid, spaceGuid } = await createSpace(suite.api.admin);
      const [large, other] = [await startedApp(spaceGuid), await startedApp(spaceGuid)];
      await scale(large, { memory_in_mb: 2048 });
      await scale(other, { memory_in_mb: 100 });
      await start(large);
      await start(other);
      await limitOrganization(organizationGuid, { apps: { per_process_memory_in_mb: 128 } });
      expect(errorOf(await scale(other, { memory_in_mb: 129 })).detail).toBe(
        'memory instance_memory_limit_exceeded (129 MB of 128 MB in the organization)',
      );
      expect((await scale(other, { memory_in_mb: 128 })).status).toBe(202);
      expect((await scale(large, { memory_in_mb: 1024 })).status).toBe(202);
    });

    test('bound routes', async () => {
      const { organizationGuid, spaceGuid } = await createSpace(suite.api.admin, 'routed');
      await limitOrganization(organizationGuid, { routes: { total_routes: 1 } });
      await createRoute(suite.api.admin, spaceGuid, 'quota-one');
      await expect(createRoute(suite.api.admin, spaceGuid, 'quota-two')).rejects.toThrow(
        "Routes quota exceeded for organization 'org-of-routed'.",
      );
    });

    test('two scalings at once do not both pass where one fits', async () => {
      const { organizationGuid, spaceGuid } = await createSpace(suite.api.admin);
      await limitOrganization(organizationGuid, { apps: { total_instances: 3 } });
      const apps = [await startedApp(spaceGuid), await startedApp(spaceGuid)];
      for (const app of apps) await start(app);
      const answers = await Promise.all(apps.map((app) => scale(app, { instances: 2 })));
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([202, 422]);
    });
  });

  describe('space quotas', () => {
    test("are an organization's, bind its spaces, and go", async () => {
      const { organizationGuid, spaceGuid } = await createSpace(suite.api.admin, 'bound');
      const other = await createSpace(suite.api.admin);
      const created = await suite.api.admin.post('/v3/space_quotas', {
        name: 'few',
        apps: { total_instances: 1 },
        routes: { total_routes: 1 },
        relationships: {
          organization: { data: { guid: organizationGuid } },
          spaces: { data: [{ guid: spaceGuid }] },
        },
      });
      expect(created.status).toBe(201);
      const { guid } = created.body;
      const { body: space } = await suite.api.admin.get(`/v3/spaces/${spaceGuid}`);
      expect(space.relationships.quota.data.guid).toBe(guid);
      const app = await startedApp(spaceGuid);
      await start(app);
      expect(errorOf(await scale(app, { instances: 2 })).detail).toContain('space_app_instance_limit_exceeded');
      await createRoute(suite.api.admin, spaceGuid, 'bound-one');
      await expect(createRoute(suite.api.admin, spaceGuid, 'bound-two')).rejects.toThrow(
        "Routes quota exceeded for space 'bound'.",
      );
      const foreign = await suite.api.admin.post(`/v3/space_quotas/${guid}/relationships/spaces`, {
        data: [{ guid: other.spaceGuid }],
      });
      expect(foreign.status).toBe(422);
      const relationship = `/v3/space_quotas/${guid}/relationships/spaces/${spaceGuid}`;
      expect((await suite.api.admin.delete(relationship)).status).toBe(204);
      expect((await suite.api.admin.delete(relationship)).status).toBe(422);
      expect((await scale(app, { instances: 2 })).status).toBe(202);
      const applied = await suite.api.admin.post(`/v3/space_quotas/${guid}/relationships/spaces`, {
        data: [{ guid: spaceGuid }],
      });
      expect(applied.body.data).toEqual([{ guid: spaceGuid }]);
      expect((await suite.api.admin.delete(`/v3/space_quotas/${guid}`)).status).toBe(202);
      expect((await suite.api.admin.get(`/v3/spaces/${spaceGuid}`)).body.relationships.quota.data).toBeNull();
      expect(errorOf(await suite.api.admin.get(`/v3/space_quotas/${guid}`)).detail).toBe('Space quota not found');
    });
  });
});
