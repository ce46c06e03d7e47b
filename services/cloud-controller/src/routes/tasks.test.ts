import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { type Answer, type Client, errorOf } from '../../testing/client.ts';
import { createApp, createSpace } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';
import { openTaskSpec } from '../actions/task-specs.ts';
import { pruneTasks, settleTask } from '../actions/tasks.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);
  const stagedApp = async (spaceGuid = suite.spaceGuid): Promise<string> => {
    const app = await createApp(suite.api.admin, spaceGuid);
    await suite.assign(app, await suite.stage(app));
    return app;
  };
  const run = (app: string, body: Record<string, unknown> = { command: 'rake db:migrate' }): Promise<Answer> =>
    suite.api.admin.post(`/v3/apps/${app}/tasks`, body);
  const namesOf = (answer: Answer): string[] => answer.body.resources.map((task: { name: string }) => task.name);
  const rowOf = (guid: string) =>
    suite.api.db.selectFrom('tasks').selectAll().where('guid', '=', guid).executeTakeFirstOrThrow();
  const settle = (guid: string, ...said: Parameters<typeof settleTask>[2][]) =>
    Promise.all(said.map((report) => suite.api.writer.write((unit) => settleTask(unit, guid, report))));
  const give = (guid: string, cellId = 'cell-1') =>
    settle(guid, {
      placement: { v: 1, kind: 'placed', taskGuid: guid, cellId, placedAt: new Date().toISOString() },
      states: [],
    });
  const complete = (guid: string, failed: boolean, reason?: string) =>
    settle(guid, {
      placement: undefined,
      states: [
        {
          v: 1,
          kind: 'state',
          taskGuid: guid,
          cellId: 'cell-1',
          state: 'COMPLETED',
          since: new Date().toISOString(),
          result: { failed, ...(reason === undefined ? {} : { reason }) },
        },
      ],
    });

  test('a task is made of the app’s droplet, waits for a cell, runs there, and ends', async () => {
    const app = await stagedApp();
    await suite.api.admin.patch(`/v3/apps/${app}/environment_variables`, { var: { MODE: 'night', PORTAL: 'x' } });
    const answer = await run(app, { command: 'rake', name: 'migrate', memory_in_mb: 64, disk_in_mb: 32 });
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({
      sequence_id: 1,
      name: 'migrate',
      command: 'rake',
      user: 'app',
      state: 'PENDING',
      memory_in_mb: 64,
      disk_in_mb: 32,
      log_rate_limit_in_bytes_per_second: -1,
      result: { failure_reason: null },
      relationships: { app: { data: { guid: app } } },
    });
    const { guid } = answer.body;
    expect(await suite.outbox()).toContain(`task ${guid}`);
    const spec = openTaskSpec(suite.api.platform, await rowOf(guid));
    expect(spec).toMatchObject({
      action: { argv: ['/bin/sh', '-c', 'rake'], workdir: '/', user: 'app' },
      log: { sourceId: app, sourceType: 'APP/TASK/migrate' },
    });
    const { VCAP_APPLICATION, VCAP_SERVICES, ...environment } = spec.action.environment;
    expect(environment).toEqual({ MODE: 'night', PORTAL: 'x', MEMORY_LIMIT: '64m' });
    expect(JSON.parse(VCAP_APPLICATION ?? '')).toMatchObject({ application_id: app, limits: { mem: 64, disk: 32 } });
    expect(JSON.parse(VCAP_APPLICATION ?? '')).not.toHaveProperty('process_id');
    expect(VCAP_SERVICES).toBe('{}');

    await give(guid);
    expect((await suite.api.admin.get(`/v3/tasks/${guid}`)).body.state).toBe('RUNNING');
    // Of two that say how it ended the first counts.
    await complete(guid, true, 'APP/TASK/migrate: Exited with status 1');
    await complete(guid, false);
    expect((await suite.api.admin.get(`/v3/tasks/${guid}`)).body).toMatchObject({
      state: 'FAILED',
      result: { failure_reason: 'APP/TASK/migrate: Exited with status 1' },
    });
    expect(await rowOf(guid)).toMatchObject({ spec: null, cell_id: 'cell-1' });
    expect((await run(app)).body).toMatchObject({ sequence_id: 2, name: expect.stringMatching(/^[0-9a-f]{8}$/) });
  });

  test('two placements at once give it to one cell', async () => {
    const { guid } = (await run(await stagedApp())).body;
    const placed = (cellId: string) =>
      ({ v: 1, kind: 'placed', taskGuid: guid, cellId, placedAt: new Date().toISOString() }) as const;
    const steps = await settle(
      guid,
      { placement: placed('cell-1'), states: [] },
      { placement: placed('cell-2'), states: [] },
    );
    expect(steps.filter(({ kind }) => kind === 'give')).toHaveLength(1);
  });

  test('a process is a template, and what the user says goes over it', async () => {
    const app = await stagedApp();
    const { body: web } = await suite.api.admin.get(`/v3/apps/${app}/processes/web`);
    await suite.api.admin.patch(`/v3/processes/${web.guid}`, { command: 'bin/web' });
    const scale = { memory_in_mb: 77, disk_in_mb: 88, log_rate_limit_in_bytes_per_second: 99 };
    await suite.api.admin.post(`/v3/processes/${web.guid}/actions/scale`, scale);
    const template = { process: { guid: web.guid } };
    expect((await run(app, { template })).body).toMatchObject({ command: 'bin/web', ...scale });
    expect((await run(app, { template, memory_in_mb: 66, command: 'other' })).body).toMatchObject({
      command: 'other',
      ...scale,
      memory_in_mb: 66,
    });
    await suite.api.admin.patch(`/v3/processes/${web.guid}`, { command: null });
    expect((await run(app, { template })).body.command).toBe('/bin/server --dir /www');
    const other = await stagedApp();
    expect(errorOf(await run(other, { template }))).toMatchObject({ status: 404, detail: 'Process not found' });
  });

  test.each([
    [{}, 'Command No command or template provided'],
    [{ command: ' ' }, 'command is not present'],
    [{ command: 'x', name: 'a\nb' }, 'name is invalid'],
    [{ command: 'x', disk_in_mb: 4_096 }, 'Cannot request disk_in_mb greater than 2048'],
    [
      { command: 'x', user: 'nobody' },
      "user invalid (requested user 'nobody' not allowed, permitted users are: 'vcap', 'app')",
    ],
  ])('%j is refused: %s', async (body, detail) => {
    const app = await stagedApp();
    expect(errorOf(await run(app, body))).toMatchObject({ status: 422, detail });
  });

  test('a command has its bounds', async () => {
    const app = await stagedApp();
    expect((await run(app, { command: 'x'.repeat(4_096) })).status).toBe(202);
    expect(errorOf(await run(app, { command: 'x'.repeat(4_097) }))).toMatchObject({
      status: 422,
      detail: 'command must be shorter than 4097 characters',
    });
  });

  test.each([
    { command: 'x', memory_in_mb: 0 },
    { command: 'x', memory_in_mb: 'much' },
    { command: 'x', log_rate_limit_in_bytes_per_second: -2 },
    { command: 'x', colour: 'blue' },
    { template: { process: {} } },
  ])('%j is refused', async (body) => {
    expect((await run(await stagedApp(), body)).status).toBe(422);
  });

  test('without a droplet there is no task; another droplet of the app may be named', async () => {
    const bare = await createApp(suite.api.admin, suite.spaceGuid);
    expect(errorOf(await run(bare))).toMatchObject({
      status: 422,
      detail: 'Task must have a droplet. Specify droplet or assign current droplet to app.',
    });
    const droplet = await suite.stage(bare);
    expect((await run(bare, { command: 'x', droplet_guid: droplet })).body).toMatchObject({ droplet_guid: droplet });
    const other = await stagedApp();
    expect(errorOf(await run(other, { command: 'x', droplet_guid: droplet })).detail).toBe('Droplet not found');
  });

  test('lists are filtered; commands are in those of one app only', async () => {
    const { spaceGuid, organizationGuid } = await createSpace(suite.api.admin);
    const app = await stagedApp(spaceGuid);
    const other = await stagedApp();
    const first = (await run(app, { command: 'one', name: 'one', metadata: { labels: { tier: 'a' } } })).body;
    await run(app, { command: 'two', name: 'two' });
    await run(other, { command: 'three', name: 'three' });
    await give(first.guid);
    const ofApp = (query: string): Promise<Answer> => suite.api.admin.get(`/v3/apps/${app}/tasks?${query}`);
    expect((await ofApp('')).body.resources.map((task: { command: string }) => task.command)).toEqual(['one', 'two']);
    expect(namesOf(await ofApp('sequence_ids=2,x'))).toEqual(['two']);
    expect(namesOf(await ofApp('names=one'))).toEqual(['one']);
    expect(namesOf(await ofApp('states=RUNNING'))).toEqual(['one']);
    expect(namesOf(await ofApp('label_selector=tier=a'))).toEqual(['one']);
    expect(namesOf(await ofApp(`guids=${first.guid}`))).toEqual(['one']);
    expect(namesOf(await ofApp('order_by=-created_at'))).toEqual(['two', 'one']);
    expect(namesOf(await ofApp('created_ats[gt]=2100-01-01T00:00:00Z'))).toEqual([]);
    expect((await ofApp('app_guids=x')).status).toBe(400);
    const all = (query: string): Promise<Answer> => suite.api.admin.get(`/v3/tasks?${query}`);
    expect(namesOf(await all(`app_guids=${app}`))).toEqual(['one', 'two']);
    expect(namesOf(await all(`space_guids=${spaceGuid}&names=two`))).toEqual(['two']);
    expect(namesOf(await all(`organization_guids=${organizationGuid}`))).toEqual(['one', 'two']);
    expect((await all('sequence_ids=1')).status).toBe(400);
    expect((await all(`app_guids=${app}`)).body.resources[0]).not.toHaveProperty('command');
  });

  test('who may see an app sees its tasks, who may read secrets their commands, who may operate it cancels them', async () => {
    const app = await stagedApp();
    const { guid } = (await run(app)).body;
    const withRole = async (type?: string): Promise<Client> => {
      const username = `${type}-${app}`;
      const userGuid = suite.issuer.addUser(username);
      if (type !== undefined) {
        const user = { data: { username } };
        const organization = { data: { guid: suite.organizationGuid } };
        const space = { data: { guid: suite.spaceGuid } };
        const inOrganization = { type: 'organization_user', relationships: { user, organization } };
        expect((await suite.api.admin.post('/v3/roles', inOrganization)).status).toBe(201);
        expect((await suite.api.admin.post('/v3/roles', { type, relationships: { user, space } })).status).toBe(201);
      }
      const scopes = ['cloud_controller.read', 'cloud_controller.write'];
      return suite.api.as(await suite.issuer.token({ userGuid, scopes }));
    };
    const stranger = await withRole();
    expect((await stranger.get(`/v3/tasks/${guid}`)).status).toBe(404);
    expect((await stranger.get(`/v3/apps/${app}/tasks`)).status).toBe(404);
    expect((await stranger.post(`/v3/apps/${app}/tasks`, { command: 'x' })).status).toBe(404);
    expect((await stranger.get('/v3/tasks')).body.resources).toEqual([]);
    const auditor = await withRole('space_auditor');
    expect((await auditor.get(`/v3/tasks/${guid}`)).body).not.toHaveProperty('command');
    expect(namesOf(await auditor.get('/v3/tasks'))).not.toEqual([]);
    expect((await auditor.get(`/v3/apps/${app}/tasks`)).body.resources[0]).not.toHaveProperty('command');
    expect((await auditor.post(`/v3/apps/${app}/tasks`, { command: 'x' })).status).toBe(403);
    expect((await auditor.post(`/v3/tasks/${guid}/actions/cancel`)).status).toBe(403);
    const supporter = await withRole('space_supporter');
    expect((await supporter.patch(`/v3/tasks/${guid}`, {})).status).toBe(403);
    const cancelled = await supporter.post(`/v3/tasks/${guid}/actions/cancel`);
    expect(cancelled.status).toBe(202);
    expect(cancelled.body).not.toHaveProperty('command');
    const developer = await withRole('space_developer');
    expect((await developer.get(`/v3/tasks/${guid}`)).body.command).toBe('rake db:migrate');
    await suite.api.admin.patch('/v3/feature_flags/task_creation', { enabled: false });
    const refused = await developer.post(`/v3/apps/${app}/tasks`, { command: 'x' });
    expect(errorOf(refused)).toMatchObject({ status: 403, detail: 'Feature Disabled: task_creation' });
    expect((await run(app)).status).toBe(202);
    await suite.api.admin.patch('/v3/feature_flags/task_creation', { enabled: true });
    expect((await developer.post(`/v3/apps/${app}/tasks`, { command: 'x' })).status).toBe(202);
  });

  test('metadata of a task can be changed, and nothing else', async () => {
    const { guid } = (await run(await stagedApp())).body;
    const metadata = { labels: { tier: 'b' }, annotations: { note: 'x' } };
    expect((await suite.api.admin.patch(`/v3/tasks/${guid}`, { metadata })).body.metadata).toEqual(metadata);
    expect((await suite.api.admin.patch(`/v3/tasks/${guid}`, { name: 'x' })).status).toBe(422);
  });

  test('cancelling waits for the cell; without one it is over with the next look; what has ended is not cancelled', async () => {
    const app = await stagedApp();
    const running = (await run(app)).body.guid;
    const waiting = (await run(app)).body.guid;
    await give(running);
    expect((await suite.api.admin.send('PUT', `/v3/tasks/${running}/cancel`, undefined)).body.state).toBe('CANCELING');
    expect((await suite.api.admin.post(`/v3/tasks/${waiting}/actions/cancel`)).body.state).toBe('CANCELING');
    await give(waiting);
    expect(await rowOf(waiting)).toMatchObject({
      state: 'FAILED',
      failure_reason: 'task was cancelled',
      cell_id: null,
    });
    await complete(running, true, 'task was cancelled');
    const late = await suite.api.admin.post(`/v3/tasks/${running}/actions/cancel`);
    expect(errorOf(late)).toMatchObject({
      status: 422,
      detail: 'Task state is FAILED and therefore cannot be canceled',
    });
  });

  test('stopping the app leaves its tasks; deleting it ends them', async () => {
    const app = await stagedApp();
    await suite.api.admin.post(`/v3/apps/${app}/actions/start`);
    const { guid } = (await run(app)).body;
    await give(guid);
    await suite.api.admin.post(`/v3/apps/${app}/actions/stop`);
    expect((await rowOf(guid)).state).toBe('RUNNING');
    const before = (await suite.outbox()).filter((row) => row === `task ${guid}`).length;
    expect((await suite.api.admin.delete(`/v3/apps/${app}`)).status).toBe(202);
    expect((await suite.outbox()).filter((row) => row === `task ${guid}`)).toHaveLength(before + 1);
    expect((await suite.api.admin.get(`/v3/tasks/${guid}`)).status).toBe(404);
    const events = await suite.api.admin.get(
      `/v3/audit_events?target_guids=${app}&types=audit.app.task.create,audit.app.task.cancel`,
    );
    expect(events.body.resources.map((event: { type: string }) => event.type)).toEqual([
      'audit.app.task.create',
      'audit.app.task.cancel',
    ]);
    expect(events.text).not.toContain('rake');
  });

  test('quotas count tasks that wait or run, and apps beside them', async () => {
    const { spaceGuid, organizationGuid } = await createSpace(suite.api.admin);
    const quota = await suite.api.admin.post('/v3/organization_quotas', {
      name: `tasks-${organizationGuid}`,
      apps: { total_memory_in_mb: 100, per_app_tasks: 2 },
      relationships: { organizations: { data: [{ guid: organizationGuid }] } },
    });
    expect(quota.status).toBe(201);
    const app = await stagedApp(spaceGuid);
    const first = await run(app, { command: 'x', memory_in_mb: 60 });
    expect(first.status).toBe(202);
    expect(errorOf(await run(app, { command: 'x', memory_in_mb: 41 })).detail).toBe(
      'memory_in_mb exceeds organization memory quota',
    );
    expect((await run(app, { command: 'x', memory_in_mb: 30 })).status).toBe(202);
    expect(errorOf(await run(app, { command: 'x', memory_in_mb: 1 })).detail).toBe('app_task_limit quota exceeded');
    const { body: web } = await suite.api.admin.get(`/v3/apps/${app}/processes/web`);
    await suite.api.admin.post(`/v3/processes/${web.guid}/actions/scale`, { memory_in_mb: 11 });
    expect((await suite.api.admin.post(`/v3/apps/${app}/actions/start`)).status).toBe(422);
    await give(first.body.guid);
    await complete(first.body.guid, false);
    expect((await suite.api.admin.post(`/v3/apps/${app}/actions/start`)).status).toBe(200);
  });

  test('tasks that ended long ago are forgotten, with what was noted of them', async () => {
    const app = await stagedApp();
    const old = (await run(app, { command: 'x', metadata: { labels: { a: 'b' } } })).body.guid;
    const waiting = (await run(app)).body.guid;
    await give(old);
    await complete(old, false);
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
    expect(await suite.api.writer.write((unit) => pruneTasks(unit, new Date(0).toISOString()))).toBe(0);
    expect(await suite.api.writer.write((unit) => pruneTasks(unit, tomorrow))).toBeGreaterThan(0);
    expect((await suite.api.admin.get(`/v3/tasks/${old}`)).status).toBe(404);
    expect((await suite.api.admin.get(`/v3/tasks/${waiting}`)).status).toBe(200);
    const left = await suite.api.db
      .selectFrom('metadata_entries')
      .select('id')
      .where('resource_guid', '=', old)
      .execute();
    expect(left).toEqual([]);
  });
});
