import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { type Client, errorOf } from '../../testing/client.ts';
import { createApp, createRoute, createSpace } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';
import { finishTask } from '../actions/tasks.ts';
import type { TaskStep } from '../domain/task/task-state.ts';
import { forgetOldEvents } from '../handlers/forget-old-events.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);
  const one = (guid: string) => ({ data: { guid } });
  const someone = async (...more: string[]): Promise<Client> => {
    const scopes = ['cloud_controller.read', 'cloud_controller.write', ...more];
    return suite.api.as(await suite.issuer.token({ userGuid: randomUUID(), scopes }));
  };
  const startedApp = async (spaceGuid: string): Promise<string> => {
    const app = await createApp(suite.api.admin, spaceGuid);
    await suite.assign(app, await suite.stage(app));
    await suite.api.admin.post(`/v3/apps/${app}/actions/start`);
    return app;
  };

  describe('usage events of apps', () => {
    test('tell of starts, of what is used, and of ends', async () => {
      const { admin } = suite.api;
      const { spaceGuid, organizationGuid } = await createSpace(admin);
      const before = (await admin.get('/v3/app_usage_events?order_by=-created_at&per_page=1')).body.resources[0];
      const app = await startedApp(spaceGuid);
      await admin.post(`/v3/processes/${app}/actions/scale`, { instances: 3 });
      await admin.patch(`/v3/processes/${app}`, { command: 'other' });
      await admin.post(`/v3/apps/${app}/actions/restart`);
      await admin.post(`/v3/processes/${app}/actions/scale`, { memory_in_mb: 64 });
      await admin.post(`/v3/apps/${app}/actions/stop`);
      await admin.post(`/v3/processes/${app}/actions/scale`, { instances: 1 });
      await admin.post(`/v3/apps/${app}/actions/start`);
      await admin.delete(`/v3/spaces/${spaceGuid}`);
      const after = before === undefined ? '' : `?after_guid=${before.guid}`;
      const { resources } = (await admin.get(`/v3/app_usage_events${after}`)).body;
      type Event = (typeof resources)[number];
      const told = resources
        .filter((event: Event) => event.app.guid === app)
        .map(({ state, instance_count: count, memory_in_mb_per_instance: memory }: Event) =>
          [state.previous, state.current, count.previous, count.current, memory.previous, memory.current].join(' '),
        );
      expect(told).toEqual([
        'STOPPED STARTED 1 1 1024 1024',
        'STARTED STARTED 1 3 1024 1024',
        'STARTED STARTED 3 3 1024 64',
        'STARTED STOPPED 3 3 64 64',
        'STOPPED STARTED 1 1 64 64',
        'STARTED STOPPED 1 1 64 64',
      ]);
      const [first] = resources;
      expect(first).toMatchObject({
        process: { guid: app, type: 'web' },
        space: { guid: spaceGuid },
        organization: { guid: organizationGuid },
      });
      expect((await admin.get(`/v3/app_usage_events/${first.guid}`)).body).toEqual(first);
      expect(errorOf(await admin.get('/v3/app_usage_events?after_guid=x')).detail).toContain(
        'must be a valid app usage',
      );
    });

    test('tell of the web process that a deployment brings', async () => {
      const { admin } = suite.api;
      const app = await startedApp(suite.spaceGuid);
      const { body } = await admin.post('/v3/deployments', { relationships: { app: one(app) } });
      const { resources } = (await admin.get('/v3/app_usage_events?order_by=-created_at&per_page=1')).body;
      expect(resources).toMatchObject([
        { process: { guid: body.new_processes[0].guid }, state: { current: 'STARTED', previous: 'STOPPED' } },
      ]);
    });

    test('tell of tasks, from the request to the end', async () => {
      const { admin, writer } = suite.api;
      const app = await createApp(admin, suite.spaceGuid);
      await suite.assign(app, await suite.stage(app));
      const run = { command: 'x', name: 'migrate', memory_in_mb: 16 };
      const { body: task } = await admin.post(`/v3/apps/${app}/tasks`, run);
      const summary = async () =>
        (await admin.get(`/v3/spaces/${suite.spaceGuid}/usage_summary`)).body.usage_summary.per_app_tasks;
      expect(await summary()).toBe(1);
      const row = await suite.api.db
        .selectFrom('tasks')
        .selectAll()
        .where('guid', '=', task.guid)
        .executeTakeFirstOrThrow();
      const end = { kind: 'finish', failed: false } as TaskStep;
      for (let twice = 0; twice < 2; twice++) await writer.write((unit) => finishTask(unit, row, end));
      expect(await summary()).toBe(0);
      const { resources } = (await admin.get('/v3/app_usage_events?order_by=-created_at&per_page=2')).body;
      expect(resources).toMatchObject([
        { state: { current: 'TASK_STOPPED', previous: 'TASK_STARTED' }, task: { guid: task.guid } },
        {
          state: { current: 'TASK_STARTED' },
          app: { guid: app },
          process: { guid: null },
          task: { guid: task.guid, name: 'migrate' },
          memory_in_mb_per_instance: { current: 16 },
        },
      ]);
    });

    test('begin anew when an administrator says so, and are forgotten after a month', async () => {
      const { admin, writer } = suite.api;
      const app = await startedApp(suite.spaceGuid);
      const reseed = '/v3/app_usage_events/actions/destructively_purge_all_and_reseed';
      expect((await (await someone()).post(reseed)).status).toBe(403);
      expect((await admin.post(reseed)).status).toBe(200);
      const { resources } = (await admin.get('/v3/app_usage_events')).body;
      expect(resources.every((event: { state: { previous: string } }) => event.state.previous === 'STARTED')).toBe(
        true,
      );
      expect(resources.map((event: { app: { guid: string } }) => event.app.guid)).toContain(app);
      await forgetOldEvents(writer, 31, () => new Date(Date.now() + 32 * 24 * 3_600_000));
      expect((await admin.get('/v3/app_usage_events')).body.resources).toEqual([]);
    });
  });

  test('usage events of services tell of what comes, is renamed and goes', async () => {
    const { admin } = suite.api;
    const { body } = await admin.post('/v3/service_instances', {
      type: 'user-provided',
      name: 'metered',
      relationships: { space: one(suite.spaceGuid) },
    });
    await admin.patch(`/v3/service_instances/${body.guid}`, { tags: ['a'] });
    await admin.patch(`/v3/service_instances/${body.guid}`, { name: 'measured' });
    await admin.delete(`/v3/service_instances/${body.guid}`);
    const { resources } = (await admin.get('/v3/service_usage_events')).body;
    type Event = (typeof resources)[number];
    const told = resources
      .filter((event: Event) => event.service_instance.guid === body.guid)
      .map((event: Event) => `${event.state} ${event.service_instance.name}`);
    expect(told).toEqual(['CREATED metered', 'UPDATED measured', 'DELETED measured']);
    const single = `/v3/service_usage_events/${resources[0].guid}`;
    expect((await admin.get(single)).status).toBe(200);
    expect((await admin.post('/v3/service_usage_events/actions/destructively_purge_all_and_reseed')).status).toBe(200);
    expect((await admin.get('/v3/service_usage_events')).body.resources).toEqual([]);
  });

  test('usage events are for those who see the whole platform', async () => {
    await startedApp(suite.spaceGuid);
    const [event] = (await suite.api.admin.get('/v3/app_usage_events')).body.resources;
    const path = `/v3/app_usage_events/${event.guid}`;
    const user = await someone();
    expect((await user.get('/v3/app_usage_events')).body.resources).toEqual([]);
    expect((await user.get(path)).status).toBe(404);
    for (const scope of ['cloud_controller.admin_read_only', 'cloud_controller.global_auditor']) {
      expect((await (await someone(scope)).get(path)).status).toBe(200);
    }
  });

  test('summaries say what is taken of what quotas limit', async () => {
    const { admin } = suite.api;
    const { spaceGuid, organizationGuid } = await createSpace(admin);
    const app = await startedApp(spaceGuid);
    await admin.post(`/v3/processes/${app}/actions/scale`, { instances: 2, memory_in_mb: 32 });
    await createRoute(admin, spaceGuid, `r-${spaceGuid}`);
    await admin.post('/v3/domains', {
      name: `${spaceGuid}.test`,
      relationships: { organization: one(organizationGuid) },
    });
    const expected = { started_instances: 2, memory_in_mb: 64, routes: 1, domains: 1, per_app_tasks: 0 };
    for (const path of [`/v3/spaces/${spaceGuid}`, `/v3/organizations/${organizationGuid}`]) {
      expect((await admin.get(`${path}/usage_summary`)).body.usage_summary).toMatchObject(expected);
    }
    const other = await createSpace(admin);
    await startedApp(other.spaceGuid);
    const whole = (await admin.get('/v3/info/usage_summary')).body.usage_summary;
    expect(whole.started_instances).toBeGreaterThan(2);
    expect((await (await someone()).get('/v3/info/usage_summary')).status).toBe(404);
  });

  test('old clients are told that there is no API v2', async () => {
    const { status, body } = await suite.api.as('').get('/v2/info');
    expect([status, body.support, body.api_version]).toEqual([200, 'CF API v2 is disabled', '']);
  });
});
